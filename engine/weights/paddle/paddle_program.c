// Paddle 2: a ProgramDesc.

#include "engine/weights/onnx/budget.h"
#include "engine/weights/paddle/paddle.h"
#include "engine/weights/paddle/paddle_graph.h"

#include "base/mem.h"

#include <paddle.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VAR_LOD_TENSOR = 7 };

// The first block, number 0.
bool paddle_program_is(const struct file_bytes *bytes)
{
    static const uint8_t block[] = {0x08, 0x00, 0x10};
    size_t at = 1;
    if (bytes->len < 16 || bytes->data[0] != 0x0a)
        return false;
    while (at < 6 && bytes->data[at] & 0x80)
        at++;
    return memcmp(bytes->data + at + 1, block, sizeof block) == 0;
}

static const Paddle__TensorDesc *tensor_of(const Paddle__VarDesc *var)
{
    const Paddle__VarType *type = var->type;
    bool tensor = type && type->type == VAR_LOD_TENSOR && type->lod_tensor;
    return tensor ? type->lod_tensor->tensor : NULL;
}

static enum err_code read_params(struct onnx_build *b, const Paddle__BlockDesc *block,
                                 struct err *e)
{
    struct paddle_param *params = mem_array(block->n_vars, sizeof *params);
    size_t count = 0;
    enum err_code rc = ERR_OK;
    if (!params)
        return err_set(e, ERR_NOMEM, "%s: out of memory", b->path);
    for (size_t i = 0; !rc && i < block->n_vars; i++) {
        const Paddle__VarDesc *var = block->vars[i];
        const Paddle__TensorDesc *tensor = tensor_of(var);
        if (!var->persistable || !var->name || !tensor)
            continue;
        struct paddle_param *p = &params[count++];
        p->name = p->value = var->name;
        p->ndim = (int)tensor->n_dims;
        if (tensor->n_dims > BAG_MAX_DIMS)
            rc = err_set(e, ERR_FORMAT, "%s: %.200s has %zu dimensions", b->path,
                         var->name, tensor->n_dims);
        else if (tensor->n_dims)
            memcpy(p->dims, tensor->dims, tensor->n_dims * sizeof *p->dims);
    }
    if (!rc)
        rc = paddle_tensors_read(b, params, count, e);
    free(params);
    return rc;
}

static const char *argument(Paddle__OpSlot *const *slots, size_t count, const char *name,
                            size_t name_len)
{
    for (size_t i = 0; i < count; i++)
        if (slots[i]->parameter && strlen(slots[i]->parameter) == name_len &&
            memcmp(slots[i]->parameter, name, name_len) == 0 && slots[i]->n_arguments)
            return slots[i]->arguments[0];
    return NULL;
}

// `names` are the operands' names with spaces between them.
static void read_operands(const Paddle__OpDesc *from, const char *names,
                          struct paddle_op *op)
{
    for (int k = 0; k < PADDLE_MAX_IN && *names; k++) {
        size_t len = strcspn(names, " ");
        op->in[k] = argument(from->inputs, from->n_inputs, names, len);
        names += len + (names[len] == ' ');
    }
}

static void read_attr(const Paddle__OpAttr *from, struct paddle_attr *a)
{
    a->text = from->s;
    a->real = from->has_f   ? (double)from->f
              : from->has_i ? from->i
              : from->has_l ? (double)from->l
                            : from->b;
    for (size_t i = 0; i < from->n_ints && a->count < PADDLE_MAX_INTS; i++)
        a->ints[a->count++] = from->ints[i];
    for (size_t i = 0; i < from->n_longs && a->count < PADDLE_MAX_INTS; i++)
        a->ints[a->count++] = from->longs[i];
}

static enum err_code run_op(struct onnx_build *b, const Paddle__OpDesc *from,
                            struct err *e)
{
    struct paddle_op *op = mem_new(sizeof *op);
    const char *in, *out, *order;
    enum err_code rc = ERR_OK;
    op->type = from->type;
    if (paddle_op_slots(from->type, &in, &out, &order)) {
        read_operands(from, in, op);
        op->out = argument(from->outputs, from->n_outputs, out, strlen(out));
    } else if (from->n_outputs && from->outputs[0]->n_arguments) {
        op->out = from->outputs[0]->arguments[0]; // for the message
    }
    for (size_t i = 0; !rc && i < from->n_attrs; i++) {
        struct paddle_attr *a =
            from->attrs[i]->name ? paddle_attr_add(op, from->attrs[i]->name) : NULL;
        if (a)
            read_attr(from->attrs[i], a);
        else
            rc = paddle_op_refuse(b, op, e, "attribute %zu is one too many", i);
    }
    if (!rc)
        rc = paddle_op_run(b, op, e);
    free(op);
    return rc;
}

// The feed names the picture; its extents are those of the variable.
static enum err_code run_feed(struct onnx_build *b, const Paddle__BlockDesc *block,
                              const Paddle__OpDesc *feed, struct err *e)
{
    const char *name = argument(feed->outputs, feed->n_outputs, "Out", 3);
    if (b->net->count)
        return err_set(e, ERR_UNSUPPORTED, "%s: two inputs, expected one picture",
                       b->path);
    for (size_t i = 0; name && i < block->n_vars; i++) {
        const Paddle__VarDesc *var = block->vars[i];
        const Paddle__TensorDesc *tensor = tensor_of(var);
        if (tensor && var->name && strcmp(var->name, name) == 0 && tensor->n_dims == 4)
            return onnx_picture_add(b, name, tensor->dims, e);
    }
    return err_set(e, ERR_FORMAT, "%s: its input is no picture of 4 dimensions", b->path);
}

static enum err_code run_block(struct onnx_build *b, const Paddle__BlockDesc *block,
                               struct err *e)
{
    const char *output = NULL;
    enum err_code rc = read_params(b, block, e);
    for (size_t i = 0; !rc && i < block->n_ops; i++) {
        const Paddle__OpDesc *op = block->ops[i];
        if (!op->type)
            rc = err_set(e, ERR_FORMAT, "%s: op %zu has no type", b->path, i);
        else if (strcmp(op->type, "feed") == 0)
            rc = run_feed(b, block, op, e);
        else if (strcmp(op->type, "fetch") == 0 && !output)
            output = argument(op->inputs, op->n_inputs, "X", 1);
        else
            rc = run_op(b, op, e);
    }
    if (!rc && (!output || b->net->count == 0))
        rc = err_set(e, ERR_FORMAT, "%s: a program without input or output", b->path);
    return rc ? rc : onnx_output_check(b, output, e);
}

enum err_code paddle_program_open(const struct file_bytes *bytes, const char *path,
                                  struct net *out, struct err *e)
{
    struct onnx_build b = {.path = path, .net = out, .opset = PADDLE_OPSET};
    struct budget budget;
    *out = (struct net){0};
    b.bag.path = mem_dup(path);
    budget_init(&budget, bytes->len);
    Paddle__ProgramDesc *program =
        paddle__program_desc__unpack(&budget.allocator, bytes->len, bytes->data);
    enum err_code rc = ERR_OK;
    if (!program)
        rc = err_set(e, ERR_FORMAT,
                     "%s: damaged Paddle program: its messages do not fit into its %zu "
                     "bytes",
                     path, bytes->len);
    else if (program->n_blocks != 1)
        rc = err_set(e, ERR_UNSUPPORTED, "%s: a program of %zu blocks, expected one",
                     path, program->n_blocks);
    else
        rc = run_block(&b, program->blocks[0], e);
    onnx_build_release(&b);
    if (program)
        paddle__program_desc__free_unpacked(program, &budget.allocator);
    if (rc)
        net_release(out);
    else
        paddle_describe(out, "paddle 2");
    return rc;
}

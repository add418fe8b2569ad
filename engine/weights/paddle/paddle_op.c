#include "engine/weights/paddle/paddle_graph.h"

#include "engine/model/arch.h"

#include "base/mem.h"

#include <onnx.pb-c.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct paddle_attr *paddle_attr_add(struct paddle_op *op, const char *name)
{
    if (op->attr_count == PADDLE_MAX_ATTRS)
        return NULL;
    struct paddle_attr *a = &op->attrs[op->attr_count++];
    *a = (struct paddle_attr){.name = name};
    return a;
}

enum err_code paddle_op_refuse(const struct onnx_build *b, const struct paddle_op *op,
                               struct err *e, const char *fmt, ...)
{
    char what[300];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return err_set(e, ERR_UNSUPPORTED, "%s: op %.60s, which makes %.200s: %s", b->path,
                   op->type, op->out ? op->out : "nothing", what);
}

const struct paddle_attr *paddle_attr_find(const struct paddle_op *op, const char *name)
{
    for (int i = 0; i < op->attr_count; i++)
        if (strcmp(op->attrs[i].name, name) == 0)
            return &op->attrs[i];
    return NULL;
}

static double real_of(const struct paddle_op *op, const char *name, double fallback)
{
    const struct paddle_attr *a = paddle_attr_find(op, name);
    return a && !a->text ? a->real : fallback;
}

static bool is_set(const struct paddle_op *op, const char *name)
{
    return real_of(op, name, 0) != 0;
}

// Whether a text attribute reads so; an absent one counts as `absent`.
static bool reads(const struct paddle_op *op, const char *name, const char *text,
                  bool absent)
{
    const struct paddle_attr *a = paddle_attr_find(op, name);
    return a && a->text ? strcmp(a->text, text) == 0 : absent;
}

// ---- the node of ONNX ----

// A node on the stack; its texts are borrowed.
struct node {
    Onnx__Node n;
    char *in[PADDLE_MAX_IN], *out[1];
    Onnx__Attribute attrs[6], *list[6];
    int64_t ints[6][PADDLE_MAX_INTS];
};

static void node_init(struct node *t, const char *op_type, const struct paddle_op *op)
{
    memset(t, 0, sizeof *t);
    onnx__node__init(&t->n);
    t->n.op_type = (char *)op_type;
    t->n.name = (char *)op->out;
    t->n.input = t->in;
    t->n.output = t->out;
    t->n.attribute = t->list;
    t->out[0] = (char *)op->out;
    t->n.n_output = 1;
    for (size_t k = 0; k < PADDLE_MAX_IN && op->in[k]; k++) {
        t->in[k] = (char *)op->in[k];
        t->n.n_input = k + 1;
    }
}

static Onnx__Attribute *node_attr(struct node *t, const char *name)
{
    Onnx__Attribute *a = t->list[t->n.n_attribute] = &t->attrs[t->n.n_attribute];
    t->n.n_attribute++;
    onnx__attribute__init(a);
    a->name = (char *)name;
    return a;
}

static void node_int(struct node *t, const char *name, int64_t value)
{
    Onnx__Attribute *a = node_attr(t, name);
    a->has_i = 1;
    a->i = value;
}

static void node_real(struct node *t, const char *name, double value)
{
    Onnx__Attribute *a = node_attr(t, name);
    a->has_f = 1;
    a->f = (float)value;
}

static void node_text(struct node *t, const char *name, const char *text)
{
    Onnx__Attribute *a = node_attr(t, name);
    a->has_s = 1;
    a->s.data = (uint8_t *)text;
    a->s.len = strlen(text);
}

static void node_ints(struct node *t, const char *name, int count, const int64_t *values)
{
    int64_t *own = t->ints[t->n.n_attribute];
    Onnx__Attribute *a = node_attr(t, name);
    memcpy(own, values, (size_t)count * sizeof *own);
    a->ints = own;
    a->n_ints = (size_t)count;
}

// The same attribute under ONNX' name, where it is there.
static void node_copy(struct node *t, const char *name, const struct paddle_op *op,
                      const char *from)
{
    const struct paddle_attr *a = paddle_attr_find(op, from);
    if (a && a->count)
        node_ints(t, name, a->count, a->ints);
}

// ---- ops ----

typedef enum err_code op_fn(struct onnx_build *b, const struct paddle_op *op,
                            struct err *e);

static enum err_code op_same(struct onnx_build *b, const struct paddle_op *op,
                             struct err *e)
{
    struct node t;
    node_init(&t, "Identity", op);
    return onnx_node_run(b, &t.n, e);
}

static enum err_code op_add(struct onnx_build *b, const struct paddle_op *op,
                            struct err *e)
{
    struct node t;
    node_init(&t, "Add", op);
    return onnx_node_run(b, &t.n, e);
}

static enum err_code op_relu(struct onnx_build *b, const struct paddle_op *op,
                             struct err *e)
{
    struct node t;
    node_init(&t, "Relu", op);
    return onnx_node_run(b, &t.n, e);
}

static enum err_code op_batch_norm(struct onnx_build *b, const struct paddle_op *op,
                                   struct err *e)
{
    struct node t;
    node_init(&t, "BatchNormalization", op);
    node_real(&t, "epsilon", real_of(op, "epsilon", 1e-5));
    if (!reads(op, "data_layout", "NCHW", true) ||
        !reads(op, "data_format", "NCHW", true))
        return paddle_op_refuse(b, op, e, "channels last");
    return onnx_node_run(b, &t.n, e);
}

// Height and width, or top, bottom, left, right.
static enum err_code add_padding(const struct onnx_build *b, const struct paddle_op *op,
                                 struct node *t, struct err *e)
{
    const struct paddle_attr *p = paddle_attr_find(op, "paddings");
    if (!reads(op, "data_format", "NCHW", true))
        return paddle_op_refuse(b, op, e, "channels last");
    if (reads(op, "padding_algorithm", "SAME", false)) {
        node_text(t, "auto_pad", "SAME_UPPER");
    } else if (reads(op, "padding_algorithm", "VALID", false)) {
        node_text(t, "auto_pad", "VALID");
    } else if (p && p->count == 2) {
        node_ints(t, "pads", 4,
                  (int64_t[]){p->ints[0], p->ints[1], p->ints[0], p->ints[1]});
    } else if (p && p->count == 4) {
        node_ints(t, "pads", 4,
                  (int64_t[]){p->ints[0], p->ints[2], p->ints[1], p->ints[3]});
    } else {
        return paddle_op_refuse(b, op, e, "paddings of neither two nor four numbers");
    }
    return ERR_OK;
}

static enum err_code op_conv(struct onnx_build *b, const struct paddle_op *op,
                             struct err *e)
{
    struct node t;
    node_init(&t, "Conv", op);
    node_copy(&t, "strides", op, "strides");
    node_copy(&t, "dilations", op, "dilations");
    node_int(&t, "group", (int64_t)real_of(op, "groups", 1));
    enum err_code rc = add_padding(b, op, &t, e);
    return rc ? rc : onnx_node_run(b, &t.n, e);
}

static enum err_code op_pool(struct onnx_build *b, const struct paddle_op *op,
                             struct err *e)
{
    const struct paddle_attr *size = paddle_attr_find(op, "ksize");
    struct node t;
    bool to_one = size && size->count == 2 && size->ints[0] == 1 && size->ints[1] == 1;
    bool global = is_set(op, "global_pooling") || (is_set(op, "adaptive") && to_one);
    if (reads(op, "pooling_type", "avg", false) && global) {
        node_init(&t, "GlobalAveragePool", op);
        return onnx_node_run(b, &t.n, e);
    }
    if (!reads(op, "pooling_type", "max", false) || global || is_set(op, "adaptive"))
        return paddle_op_refuse(b, op, e, "expected a maximum or a global average");
    node_init(&t, "MaxPool", op);
    node_copy(&t, "kernel_shape", op, "ksize");
    node_copy(&t, "strides", op, "strides");
    node_int(&t, "ceil_mode", is_set(op, "ceil_mode"));
    enum err_code rc = add_padding(b, op, &t, e);
    return rc ? rc : onnx_node_run(b, &t.n, e);
}

static enum err_code op_flatten(struct onnx_build *b, const struct paddle_op *op,
                                struct err *e)
{
    struct node t;
    node_init(&t, "Flatten", op);
    node_int(&t, "axis", (int64_t)real_of(op, "start_axis", 1));
    return onnx_node_run(b, &t.n, e);
}

static enum err_code op_squeeze(struct onnx_build *b, const struct paddle_op *op,
                                struct err *e)
{
    struct node t;
    node_init(&t, "Squeeze", op);
    node_copy(&t, "axes", op, "axes");
    return onnx_node_run(b, &t.n, e);
}

static enum err_code op_softmax(struct onnx_build *b, const struct paddle_op *op,
                                struct err *e)
{
    struct node t;
    node_init(&t, "Softmax", op);
    node_int(&t, "axis", (int64_t)real_of(op, "axis", -1));
    return onnx_node_run(b, &t.n, e);
}

static enum err_code op_matmul(struct onnx_build *b, const struct paddle_op *op,
                               struct err *e)
{
    static const char *const turned[] = {"trans_x",     "trans_y",     "transpose_x",
                                         "transpose_y", "transpose_X", "transpose_Y"};
    struct node t;
    for (size_t i = 0; i < sizeof turned / sizeof turned[0]; i++)
        if (is_set(op, turned[i]))
            return paddle_op_refuse(b, op, e, "%s", turned[i]);
    node_init(&t, "MatMul", op);
    return onnx_node_run(b, &t.n, e);
}

// A node that reads a constant made for it, named after what it makes.
static enum err_code run_with(struct onnx_build *b, const struct paddle_op *op,
                              const char *op_type, struct bag_tensor *constant,
                              struct err *e)
{
    void *own = mem_array(constant->bytes, 1);
    struct node t;
    if (!own)
        return err_set(e, ERR_NOMEM, "%s: out of memory", b->path);
    memcpy(own, constant->data, constant->bytes);
    bag_take_block(&b->bag, own);
    char *name = mem_printf("%s.constant", op->out);
    constant->name = name;
    constant->data = own;
    node_init(&t, op_type, op);
    t.in[1] = name;
    t.n.n_input = 2;
    enum err_code rc = onnx_constant_add(b, constant, name, e);
    if (!rc)
        rc = onnx_node_run(b, &t.n, e);
    free(name);
    return rc;
}

static enum err_code multiply(struct onnx_build *b, const struct paddle_op *op,
                              double factor, struct err *e)
{
    float value = (float)factor;
    struct bag_tensor t = {.dtype = BAG_F32, .data = &value, .bytes = sizeof value};
    return factor == 1 ? op_same(b, op, e) : run_with(b, op, "Mul", &t, e);
}

static enum err_code op_scale(struct onnx_build *b, const struct paddle_op *op,
                              struct err *e)
{
    if (real_of(op, "bias", 0) != 0)
        return paddle_op_refuse(b, op, e, "with a bias");
    return multiply(b, op, real_of(op, "scale", 1), e);
}

// At inference nothing is dropped, but one of the two ways halves, say, what it is given.
static enum err_code op_dropout(struct onnx_build *b, const struct paddle_op *op,
                                struct err *e)
{
    static const char down[] = "downgrade_in_infer";
    bool scales = reads(op, "mode", down, false) ||
                  reads(op, "dropout_implementation", down, false);
    return multiply(b, op, scales ? 1 - real_of(op, "dropout_prob", 0.5) : 1, e);
}

static enum err_code op_reshape(struct onnx_build *b, const struct paddle_op *op,
                                struct err *e)
{
    const struct paddle_attr *shape = paddle_attr_find(op, "shape");
    if (!shape || shape->count == 0)
        return paddle_op_refuse(b, op, e, "to a shape that is not known");
    struct bag_tensor t = {.dtype = BAG_I64,
                           .ndim = 1,
                           .shape = {(size_t)shape->count},
                           .data = shape->ints,
                           .bytes = (size_t)shape->count * sizeof(int64_t)};
    return run_with(b, op, "Reshape", &t, e);
}

// ---- the table ----

static const struct {
    const char *type, *in, *out, *order;
    op_fn *run;
} ops[] = {
#define OP(type, in, out, order, handler) {#type, in, out, order, handler},
#include "engine/weights/paddle/paddle_op.def"
#undef OP
};

bool paddle_op_slots(const char *type, const char **in, const char **out,
                     const char **order)
{
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        if (strcmp(ops[i].type, type) == 0) {
            *in = ops[i].in;
            *out = ops[i].out;
            *order = ops[i].order;
            return true;
        }
    return false;
}

enum err_code paddle_op_run(struct onnx_build *b, const struct paddle_op *op,
                            struct err *e)
{
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++)
        if (strcmp(ops[i].type, op->type) == 0) {
            if (!op->out || !op->in[0])
                return paddle_op_refuse(b, op, e, "reads or makes nothing");
            return ops[i].run(b, op, e);
        }
    return paddle_op_refuse(b, op, e, "this op is not known");
}

void paddle_describe(struct net *net, const char *format)
{
    arch_recognise(net);
    (void)snprintf(net->format, sizeof net->format, "%s", format);
    (void)snprintf(net->preset, sizeof net->preset, "ppcls");
}

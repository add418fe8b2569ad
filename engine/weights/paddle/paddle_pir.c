// Paddle 3: PIR as JSON. Values are numbered ("%": 357), types and attributes come with a
// letter for the dialect in front ("1.conv2d", "0.a_i32").

#include "engine/weights/paddle/paddle.h"
#include "engine/weights/paddle/paddle_graph.h"

#include "base/mem.h"
#include "base/str.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Full models have a megabyte; JSON in memory is up to thirty times as large as in a
// file.
enum { MAX_JSON = 16 << 20, NAME_MAX_LEN = 24 };

bool paddle_pir_is(const struct file_bytes *bytes)
{
    size_t head = bytes->len < 512 ? bytes->len : 512;
    return head > 0 && bytes->data[0] == '{' && memmem(bytes->data, head, "\"pir\"", 5);
}

static const char *text_of(const cJSON *json, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));
    return text ? text : "";
}

// A value's number as a name, "%357"; false when there is none.
static bool name_of(const cJSON *value, char name[NAME_MAX_LEN])
{
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(value, "%");
    if (!cJSON_IsNumber(number))
        return false;
    (void)snprintf(name, NAME_MAX_LEN, "%%%d", number->valueint);
    return true;
}

// Result k of an op: one object or an array of them.
static const cJSON *result_of(const cJSON *op)
{
    const cJSON *results = cJSON_GetObjectItemCaseSensitive(op, "O");
    return cJSON_IsArray(results) ? cJSON_GetArrayItem(results, 0) : results;
}

// ---- attributes ----

static double number_of(const cJSON *data)
{
    if (cJSON_IsBool(data))
        return cJSON_IsTrue(data);
    return cJSON_IsNumber(data) ? data->valuedouble : 0;
}

// {"#": "0.a_i32", "D": 2}, or "D" an array of such or of plain numbers.
static void read_attr(const cJSON *from, struct paddle_attr *a)
{
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(from, "D"), *item;
    a->text = cJSON_GetStringValue(data);
    a->real = number_of(data);
    if (!cJSON_IsArray(data))
        return;
    cJSON_ArrayForEach(item, data)
    {
        const cJSON *inner = cJSON_GetObjectItemCaseSensitive(item, "D");
        if (a->count < PADDLE_MAX_INTS)
            a->ints[a->count++] = (int64_t)number_of(inner ? inner : item);
    }
}

static enum err_code read_attrs(const struct onnx_build *b, const cJSON *from,
                                struct paddle_op *op, struct err *e)
{
    const cJSON *attr;
    cJSON_ArrayForEach(attr, cJSON_GetObjectItemCaseSensitive(from, "A"))
    {
        struct paddle_attr *a = paddle_attr_add(op, text_of(attr, "N"));
        if (!a)
            return paddle_op_refuse(b, op, e, "more than %d attributes",
                                    (int)PADDLE_MAX_ATTRS);
        read_attr(cJSON_GetObjectItemCaseSensitive(attr, "AT"), a);
    }
    return ERR_OK;
}

// ---- constants that Paddle 2 has as attributes ----

// What full and full_int_array made, kept until an op takes it as an attribute.
struct pir {
    struct onnx_build *b;
    const cJSON *ops;
    struct lookup names;
    struct paddle_attr *constants; // beside names
    size_t cap;
    char output[NAME_MAX_LEN];
};

static enum err_code add_constant(struct pir *pir, const cJSON *from, struct err *e)
{
    char name[NAME_MAX_LEN];
    size_t count = pir->names.count;
    if (!name_of(result_of(from), name) || lookup_find(&pir->names, name) != LOOKUP_NONE)
        return err_set(e, ERR_FORMAT, "%s: a constant without a number of its own",
                       pir->b->path);
    struct paddle_op *op = mem_new(sizeof *op);
    op->type = text_of(from, "#");
    enum err_code rc = read_attrs(pir->b, from, op, e);
    const struct paddle_attr *value = paddle_attr_find(op, "value");
    if (mem_grow(&pir->constants, &pir->cap, count + 1, sizeof *value))
        pir->constants[count] = value ? *value : (struct paddle_attr){0};
    else
        rc = err_set(e, ERR_NOMEM, "%s: out of memory", pir->b->path);
    if (!rc && !lookup_add(&pir->names, name))
        rc = err_set(e, ERR_NOMEM, "%s: out of memory", pir->b->path);
    free(op);
    return rc;
}

// Operand `in` of the op, when it is such a constant, as the attribute of that name.
static bool take_constant(const struct pir *pir, const cJSON *inputs, int in,
                          const char *attr, struct paddle_op *op)
{
    char name[NAME_MAX_LEN];
    if (!pir->constants || !name_of(cJSON_GetArrayItem(inputs, in), name))
        return false;
    ptrdiff_t i = lookup_find(&pir->names, name);
    struct paddle_attr *a = i == LOOKUP_NONE ? NULL : paddle_attr_add(op, attr);
    if (!a)
        return false;
    *a = pir->constants[i];
    a->name = attr;
    return true;
}

static bool take_constants(const struct pir *pir, const cJSON *inputs,
                           struct paddle_op *op)
{
    static const struct {
        const char *type;
        int in;
        const char *attr;
    } taken[] = {{"pool2d", 1, "ksize"},
                 {"dropout", 2, "dropout_prob"},
                 {"squeeze", 1, "axes"},
                 {"scale", 1, "scale"},
                 {"reshape", 1, "shape"}};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (strcmp(taken[i].type, op->type) == 0)
            return take_constant(pir, inputs, taken[i].in, taken[i].attr, op);
    return true;
}

// ---- ops ----

// "1.batch_norm_" is "batch_norm": dialect in front, in place behind.
static void plain_type(const char *from, char *to, size_t size)
{
    const char *dot = strchr(from, '.');
    (void)snprintf(to, size, "%s", dot ? dot + 1 : from);
    size_t len = strlen(to);
    if (len && to[len - 1] == '_')
        to[len - 1] = '\0';
}

static enum err_code run_op(const struct pir *pir, const cJSON *from, struct err *e)
{
    char type[64], names[PADDLE_MAX_IN][NAME_MAX_LEN], out[NAME_MAX_LEN];
    const cJSON *inputs = cJSON_GetObjectItemCaseSensitive(from, "I");
    const char *in, *result, *order;
    struct paddle_op *op = mem_new(sizeof *op);
    plain_type(text_of(from, "#"), type, sizeof type);
    op->type = type;
    op->out = name_of(result_of(from), out) ? out : NULL;
    enum err_code rc = read_attrs(pir->b, from, op, e);
    bool known = paddle_op_slots(type, &in, &result, &order);
    for (int k = 0; known && k < PADDLE_MAX_IN && order[k]; k++)
        if (name_of(cJSON_GetArrayItem(inputs, order[k] - '0'), names[k]))
            op->in[k] = names[k];
    if (!rc && known && !take_constants(pir, inputs, op))
        rc = paddle_op_refuse(pir->b, op, e, "computes what should be constant");
    if (!rc)
        rc = paddle_op_run(pir->b, op, e);
    free(op);
    return rc;
}

static enum err_code run_data(struct pir *pir, const cJSON *from, struct err *e)
{
    char name[NAME_MAX_LEN];
    struct paddle_op *op = mem_new(sizeof *op);
    op->type = "data";
    enum err_code rc = read_attrs(pir->b, from, op, e);
    const struct paddle_attr *shape = paddle_attr_find(op, "shape");
    if (!rc && pir->b->net->count)
        rc = err_set(e, ERR_UNSUPPORTED, "%s: two inputs, expected one picture",
                     pir->b->path);
    else if (!rc && (!shape || shape->count != 4 || !name_of(result_of(from), name)))
        rc = err_set(e, ERR_FORMAT, "%s: its input is no picture of 4 dimensions",
                     pir->b->path);
    if (!rc)
        rc = onnx_picture_add(pir->b, name, shape->ints, e);
    free(op);
    return rc;
}

static enum err_code run_ops(struct pir *pir, struct err *e)
{
    const cJSON *op;
    cJSON_ArrayForEach(op, pir->ops)
    {
        const char *type = text_of(op, "#");
        const cJSON *inputs = cJSON_GetObjectItemCaseSensitive(op, "I");
        enum err_code rc = ERR_OK;
        if (strcmp(type, "p") == 0)
            continue;
        if (strcmp(type, "1.data") == 0)
            rc = run_data(pir, op, e);
        else if (str_starts_with(type, "1.full"))
            rc = add_constant(pir, op, e);
        else if (strcmp(type, "1.fetch") == 0 && !pir->output[0] &&
                 name_of(cJSON_GetArrayItem(inputs, 0), pir->output))
            continue;
        else
            rc = run_op(pir, op, e);
        if (rc)
            return rc;
    }
    return ERR_OK;
}

// ---- parameters ----

// {"#": "p", "A": [0, 1, 1, "fc_weights"], "O": {"%": 2, "TT": {"D": [type, [dims], …]}}}
static bool read_param(const cJSON *op, struct paddle_param *p, char value[NAME_MAX_LEN])
{
    const cJSON *result = result_of(op);
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(result, "TT"), *extent;
    const cJSON *dims =
        cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(type, "D"), 1);
    p->name = cJSON_GetStringValue(
        cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(op, "A"), 3));
    if (!p->name || !name_of(result, value) || !cJSON_IsArray(dims))
        return false;
    cJSON_ArrayForEach(extent, dims)
    {
        if (p->ndim == BAG_MAX_DIMS)
            return false;
        p->dims[p->ndim++] = (int64_t)number_of(extent);
    }
    p->value = value;
    return true;
}

static enum err_code read_params(struct pir *pir, struct err *e)
{
    size_t most = (size_t)cJSON_GetArraySize(pir->ops), count = 0;
    struct paddle_param *params = mem_array(most, sizeof *params);
    char(*values)[NAME_MAX_LEN] = mem_array(most, sizeof *values);
    enum err_code rc = ERR_OK;
    const cJSON *op;
    if (!params || !values)
        rc = err_set(e, ERR_NOMEM, "%s: out of memory", pir->b->path);
    cJSON_ArrayForEach(op, pir->ops)
    {
        if (rc || strcmp(text_of(op, "#"), "p") != 0)
            continue;
        if (!read_param(op, &params[count], values[count]))
            rc = err_set(e, ERR_FORMAT,
                         "%s: parameter %zu is not described as Paddle does",
                         pir->b->path, count);
        count++;
    }
    if (!rc)
        rc = paddle_tensors_read(pir->b, params, count, e);
    free(params);
    free(values);
    return rc;
}

static const cJSON *ops_of(const cJSON *json)
{
    const cJSON *program = cJSON_GetObjectItemCaseSensitive(json, "program");
    const cJSON *region =
        cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(program, "regions"), 0);
    const cJSON *block =
        cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(region, "blocks"), 0);
    return cJSON_GetObjectItemCaseSensitive(block, "ops");
}

enum err_code paddle_pir_open(const struct file_bytes *bytes, const char *path,
                              struct net *out, struct err *e)
{
    struct onnx_build b = {.path = path, .net = out, .opset = PADDLE_OPSET};
    struct pir pir = {.b = &b};
    cJSON *json = NULL;
    enum err_code rc = ERR_OK;
    *out = (struct net){0};
    if (bytes->len > MAX_JSON)
        return err_set(e, ERR_LIMIT, "%s: %zu bytes of JSON, at most %d", path,
                       bytes->len, (int)MAX_JSON);
    b.bag.path = mem_dup(path);
    const char *text = (const char *)bytes->data, *end = NULL;
    json = cJSON_ParseWithLengthOpts(text, bytes->len, &end, false);
    if (!json)
        TRY(err_set(e, ERR_FORMAT, "%s: damaged JSON at byte %td of %zu", path,
                    end ? end - text : 0, bytes->len));
    pir.ops = ops_of(json);
    if (!cJSON_IsArray(pir.ops))
        TRY(err_set(e, ERR_FORMAT, "%s: PIR without ops", path));
    TRY(read_params(&pir, e));
    TRY(run_ops(&pir, e));
    if (b.net->count == 0 || !pir.output[0])
        TRY(err_set(e, ERR_FORMAT, "%s: a program without input or output", path));
    rc = onnx_output_check(&b, pir.output, e);
out:
    cJSON_Delete(json);
    lookup_release(&pir.names);
    free(pir.constants);
    onnx_build_release(&b);
    if (rc)
        net_release(out);
    else
        paddle_describe(out, "paddle 3");
    return rc;
}

// .pdiparams: tensors one behind the other, without names, in the order of the names.

#include "engine/weights/onnx/budget.h"
#include "engine/weights/paddle/paddle_graph.h"

#include "base/mem.h"
#include "base/str.h"

#include <inttypes.h>
#include <paddle.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// VarType.Type of what is read.
enum { TYPE_INT64 = 3, TYPE_FP16 = 4, TYPE_FP32 = 5, TYPE_FP64 = 6, TYPE_BF16 = 22 };

static bool dtype_of(int32_t type, enum bag_dtype *out)
{
    static const struct {
        int32_t type;
        enum bag_dtype dtype;
    } types[] = {{TYPE_FP32, BAG_F32},
                 {TYPE_FP16, BAG_F16},
                 {TYPE_BF16, BAG_BF16},
                 {TYPE_FP64, BAG_F64},
                 {TYPE_INT64, BAG_I64}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].type == type) {
            *out = types[i].dtype;
            return true;
        }
    return false;
}

struct cursor {
    const char *path;
    const uint8_t *data;
    size_t len, at;
    struct err *e;
    enum err_code rc;
};

// The next n bytes, or NULL when the file ends before.
static const uint8_t *take(struct cursor *c, const struct paddle_param *param, size_t n)
{
    const uint8_t *at = c->data + c->at;
    if (n > c->len - c->at) {
        c->rc = err_set(c->e, ERR_FORMAT,
                        "%s: truncated at byte %zu of %zu: %zu bytes of %.200s are "
                        "missing",
                        c->path, c->at, c->len, n - (c->len - c->at), param->name);
        return NULL;
    }
    c->at += n;
    return at;
}

// Level of detail, 0 for weights, in front of the tensor: versions (32 bits, 0 so far)
// and the number of levels (64 bits); then the size of the description, or 0 on failure.
static size_t take_header(struct cursor *c, const struct paddle_param *param)
{
    enum { HEADER = 20, MAX_DESC = 1024 };
    static const uint8_t zeros[16];
    const uint8_t *header = take(c, param, HEADER);
    uint32_t len;
    if (!header)
        return 0;
    memcpy(&len, header + sizeof zeros, sizeof len);
    if (memcmp(header, zeros, sizeof zeros) == 0 && len > 0 && len <= MAX_DESC)
        return len;
    c->rc = err_set(c->e, ERR_FORMAT, "%s: no tensor at byte %zu, expected %.200s",
                    c->path, c->at - HEADER, param->name);
    return 0;
}

static void add_dims(struct str *s, const int64_t *dims, size_t n)
{
    for (size_t i = 0; i < n; i++)
        str_addf(s, "%s%" PRId64, i ? "x" : "", dims[i]);
}

static enum err_code refuse_shape(const struct cursor *c,
                                  const struct paddle_param *param,
                                  const Paddle__TensorDesc *desc)
{
    struct str s = {0};
    str_addf(&s, "%s: byte %zu: %.200s is ", c->path, c->at, param->name);
    if (desc)
        add_dims(&s, desc->dims,
                 desc->n_dims < BAG_MAX_DIMS ? desc->n_dims : BAG_MAX_DIMS);
    else
        str_add(&s, "damaged");
    str_add(&s, ", expected ");
    add_dims(&s, param->dims, (size_t)param->ndim);
    str_add(&s, " as in the program");
    enum err_code rc = err_set(c->e, ERR_FORMAT, "%s", str_get(&s));
    str_release(&s);
    return rc;
}

static enum err_code read_desc(const struct cursor *c, const struct paddle_param *param,
                               const uint8_t *data, size_t len, struct bag_tensor *t)
{
    struct budget budget;
    budget_init(&budget, len);
    Paddle__TensorDesc *desc = paddle__tensor_desc__unpack(&budget.allocator, len, data);
    bool same = desc && desc->n_dims == (size_t)param->ndim;
    for (int i = 0; same && i < param->ndim; i++) {
        same = desc->dims[i] >= 0 && desc->dims[i] == param->dims[i];
        t->shape[i] = (size_t)desc->dims[i];
    }
    t->ndim = param->ndim;
    enum err_code rc = ERR_OK;
    if (!same)
        rc = refuse_shape(c, param, desc);
    else if (!dtype_of(desc->data_type, &t->dtype))
        rc = err_set(c->e, ERR_UNSUPPORTED,
                     "%s: byte %zu: %.200s is of type %d, expected a float type or int64",
                     c->path, c->at, param->name, desc->data_type);
    if (desc)
        paddle__tensor_desc__free_unpacked(desc, &budget.allocator);
    return rc;
}

static enum err_code read_tensor(struct onnx_build *b, struct cursor *c,
                                 const struct paddle_param *param)
{
    struct bag_tensor t = {.name = (char *)param->name};
    size_t len = take_header(c, param);
    const uint8_t *desc = len ? take(c, param, len) : NULL;
    if (!desc)
        return c->rc;
    enum err_code rc = read_desc(c, param, desc, len, &t);
    if (rc)
        return rc;
    t.bytes = bag_dtype_size(t.dtype);
    for (int i = 0; i < t.ndim; i++)
        if (!mem_mul(t.bytes, t.shape[i], &t.bytes))
            return err_set(c->e, ERR_LIMIT, "%s: the shape of %.200s overflows", c->path,
                           param->name);
    t.data = take(c, param, t.bytes);
    return t.data ? onnx_constant_add(b, &t, param->value, c->e) : c->rc;
}

static int compare(const void *a, const void *b)
{
    const struct paddle_param *x = a, *y = b;
    return strcmp(x->name, y->name);
}

enum err_code paddle_tensors_read(struct onnx_build *b, struct paddle_param *params,
                                  size_t count, struct err *e)
{
    const char *base = str_basename(b->path);
    int stem = (int)(base - b->path) + (int)str_stem_len(base);
    char *path = mem_printf("%.*s.pdiparams", stem, b->path);
    enum err_code rc = file_map(path, &b->bag.file, e);
    if (!rc)
        net_add_file(b->net, path);
    struct cursor c = {
        .path = path, .data = b->bag.file.data, .len = b->bag.file.len, .e = e};
    if (count)
        qsort(params, count, sizeof *params, compare);
    for (size_t i = 0; !rc && i < count; i++)
        rc = read_tensor(b, &c, &params[i]);
    if (!rc && c.at != c.len)
        rc = err_set(e, ERR_FORMAT, "%s: %zu bytes behind the last of %zu tensors", path,
                     c.len - c.at, count);
    free(path);
    return rc;
}

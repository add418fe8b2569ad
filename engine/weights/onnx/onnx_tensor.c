#include "engine/weights/onnx/onnx_graph.h"

#include "base/mem.h"
#include "base/str.h"

#include <onnx.pb-c.h>
#include <stdlib.h>
#include <string.h>

// TensorProto.DataType
enum {
    TYPE_FLOAT = 1,
    TYPE_INT32 = 6,
    TYPE_INT64 = 7,
    TYPE_FLOAT16 = 10,
    TYPE_DOUBLE = 11,
    TYPE_BFLOAT16 = 16
};

static enum bag_dtype dtype_of(int32_t type)
{
    static const struct {
        int32_t type;
        enum bag_dtype dtype;
    } types[] = {{TYPE_FLOAT, BAG_F32},     {TYPE_FLOAT16, BAG_F16},
                 {TYPE_BFLOAT16, BAG_BF16}, {TYPE_DOUBLE, BAG_F64},
                 {TYPE_INT64, BAG_I64},     {TYPE_INT32, BAG_I64}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].type == type)
            return types[i].dtype;
    return BAG_OTHER;
}

// ---- where the bytes are ----

static const char *external_entry(const Onnx__Tensor *t, const char *key)
{
    for (size_t i = 0; i < t->n_external_data; i++) {
        const Onnx__StringEntry *entry = t->external_data[i];
        if (entry->key && entry->value && strcmp(entry->key, key) == 0)
            return entry->value;
    }
    return NULL;
}

// Only files below the model's own folder.
static bool stays_inside(const char *location)
{
    bool up = strcmp(location, "..") == 0 || str_starts_with(location, "../") ||
              strstr(location, "/../") || str_ends_with(location, "/..");
    return *location && *location != '/' && !up;
}

static enum err_code open_external(struct onnx_build *b, const char *location,
                                   struct file_bytes *out, struct err *e)
{
    for (size_t i = 0; i < b->external_count; i++)
        if (strcmp(b->external[i].location, location) == 0) {
            *out = b->external[i].bytes;
            return ERR_OK;
        }
    if (!stays_inside(location))
        return err_set(e, ERR_FORMAT,
                       "%s: external data in %.200s, outside of its folder", b->path,
                       location);
    if (!mem_grow(&b->external, &b->external_cap, b->external_count + 1,
                  sizeof *b->external))
        return err_set(e, ERR_NOMEM, "%s: out of memory", b->path);
    int folder = (int)(str_basename(b->path) - b->path);
    char *path = mem_printf("%.*s%s", folder, b->path, location);
    enum err_code rc = file_map(path, out, e);
    if (!rc)
        net_add_file(b->net, path);
    free(path);
    if (rc)
        return rc;
    b->external[b->external_count].location = mem_dup(location);
    b->external[b->external_count++].bytes = *out;
    return ERR_OK;
}

static enum err_code external_bytes(struct onnx_build *b, const Onnx__Tensor *tensor,
                                    struct bag_tensor *t, struct err *e)
{
    const char *location = external_entry(tensor, "location");
    const char *offset_text = external_entry(tensor, "offset");
    const char *length_text = external_entry(tensor, "length");
    long offset = 0, length = 0;
    struct file_bytes bytes = {0};
    if (!location || (offset_text && !str_to_long(offset_text, &offset)) ||
        (length_text && !str_to_long(length_text, &length)) || offset < 0 || length < 0)
        return err_set(e, ERR_FORMAT, "%s: tensor %.200s: external data without a place",
                       b->path, t->name);
    enum err_code rc = open_external(b, location, &bytes, e);
    if (rc)
        return rc;
    size_t start = (size_t)offset;
    size_t n = length_text ? (size_t)length : bytes.len - (start < bytes.len ? start : 0);
    if (start > bytes.len || n > bytes.len - start)
        return err_set(e, ERR_FORMAT,
                       "%s: tensor %.200s: bytes %zu to %zu of %.200s, which has %zu",
                       b->path, t->name, start, start + n, location, bytes.len);
    t->data = bytes.data + start;
    t->bytes = n;
    return ERR_OK;
}

void onnx_tensor_release(struct onnx_build *b)
{
    for (size_t i = 0; i < b->external_count; i++) {
        free(b->external[i].location);
        file_bytes_release(&b->external[i].bytes);
    }
    free(b->external);
    bag_release(&b->bag);
}

// 16-bit floats and small integers lie in int32_data, one a number.
static enum err_code narrow(struct onnx_build *b, const Onnx__Tensor *tensor,
                            struct bag_tensor *t, struct err *e)
{
    size_t n = tensor->n_int32_data;
    bool whole = t->dtype == BAG_I64;
    void *block = mem_array(n, whole ? sizeof(int64_t) : sizeof(uint16_t));
    if (!block)
        return err_set(e, ERR_NOMEM, "%s: out of memory", b->path);
    bag_take_block(&b->bag, block);
    int64_t *wide = block;
    uint16_t *half = block;
    for (size_t i = 0; i < n; i++) {
        if (whole)
            wide[i] = tensor->int32_data[i];
        else
            half[i] = (uint16_t)tensor->int32_data[i];
    }
    t->data = block;
    t->bytes = n * (whole ? sizeof *wide : sizeof *half);
    return ERR_OK;
}

// int32 constants become int64 ones, so that there is one kind of whole numbers.
static enum err_code widen(struct onnx_build *b, struct bag_tensor *t, struct err *e)
{
    size_t n = t->bytes / sizeof(int32_t);
    int64_t *wide = mem_array(n, sizeof *wide);
    if (!wide)
        return err_set(e, ERR_NOMEM, "%s: out of memory", b->path);
    bag_take_block(&b->bag, wide);
    for (size_t i = 0; i < n; i++) {
        int32_t value;
        memcpy(&value, (const uint8_t *)t->data + i * sizeof value, sizeof value);
        wide[i] = value;
    }
    t->data = wide;
    t->bytes = n * sizeof *wide;
    return ERR_OK;
}

static enum err_code find_bytes(struct onnx_build *b, const Onnx__Tensor *tensor,
                                struct bag_tensor *t, struct err *e)
{
    enum err_code rc = ERR_OK;
    bool raw = tensor->has_raw_data || tensor->data_location == 1;
    if (tensor->data_location == 1) {
        rc = external_bytes(b, tensor, t, e);
    } else if (tensor->has_raw_data) {
        t->data = tensor->raw_data.data;
        t->bytes = tensor->raw_data.len;
    } else if (tensor->n_float_data) {
        t->data = tensor->float_data;
        t->bytes = tensor->n_float_data * sizeof(float);
    } else if (tensor->n_int64_data) {
        t->data = tensor->int64_data;
        t->bytes = tensor->n_int64_data * sizeof(int64_t);
    } else if (tensor->n_double_data) {
        t->data = tensor->double_data;
        t->bytes = tensor->n_double_data * sizeof(double);
    } else if (tensor->n_int32_data) {
        rc = narrow(b, tensor, t, e);
    }
    if (!rc && raw && tensor->data_type == TYPE_INT32)
        rc = widen(b, t, e);
    return rc;
}

enum err_code onnx_tensor_add(struct onnx_build *b, const struct Onnx__Tensor *tensor,
                              const char *name, struct err *e)
{
    struct bag_tensor t = {.name = (char *)name};
    t.dtype = dtype_of(tensor->data_type);
    t.ndim = (int)(tensor->n_dims <= BAG_MAX_DIMS ? tensor->n_dims : BAG_MAX_DIMS + 1);
    for (size_t i = 0; i < tensor->n_dims && i < BAG_MAX_DIMS; i++) {
        if (tensor->dims[i] < 0)
            return err_set(e, ERR_FORMAT, "%s: tensor %.200s has the extent %lld",
                           b->path, name, (long long)tensor->dims[i]);
        t.shape[i] = (size_t)tensor->dims[i];
    }
    enum err_code rc = find_bytes(b, tensor, &t, e);
    return rc ? rc : onnx_constant_add(b, &t, name, e);
}

enum err_code onnx_constant_add(struct onnx_build *b, const struct bag_tensor *tensor,
                                const char *name, struct err *e)
{
    enum err_code rc = bag_add(&b->bag, tensor, e);
    struct onnx_value value = {.kind = ONNX_CONST, .constant = b->bag.count - 1};
    return rc ? rc : onnx_value_set(b, name, value, e);
}

const struct bag_tensor *onnx_tensor_of(const struct onnx_build *b,
                                        const struct onnx_value *constant)
{
    return &b->bag.tensors[constant->constant];
}

size_t onnx_tensor_count(const struct bag_tensor *t)
{
    size_t size = bag_dtype_size(t->dtype);
    return size ? t->bytes / size : 0;
}

int onnx_tensor_ints(const struct bag_tensor *t, int max, int64_t *out)
{
    size_t n = onnx_tensor_count(t);
    if (t->dtype != BAG_I64 || n > (size_t)max)
        return -1;
    if (n)
        memcpy(out, t->data, n * sizeof *out);
    return (int)n;
}

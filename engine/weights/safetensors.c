#include "engine/weights/safetensors.h"

#include "base/mem.h"
#include "base/str.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_HEADER = 100 << 20 }; // the format's own limit

static uint64_t header_len(const struct file_bytes *bytes)
{
    uint64_t n = 0;
    for (int i = 7; i >= 0; i--)
        n = n << 8 | bytes->data[i];
    return n;
}

// A length that is no text and a brace: no other format begins so.
bool safetensors_is(const struct file_bytes *bytes)
{
    return bytes->len > 9 && bytes->data[8] == '{' && bytes->data[7] == 0 &&
           header_len(bytes) >= 2;
}

static enum bag_dtype find_dtype(const char *name)
{
    static const struct {
        const char *name;
        enum bag_dtype dtype;
    } dtypes[] = {
        {"F32", BAG_F32}, {"F16", BAG_F16}, {"BF16", BAG_BF16},
        {"F64", BAG_F64}, {"I8", BAG_I8},   {"I64", BAG_I64},
    };
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++)
        if (strcmp(name, dtypes[i].name) == 0)
            return dtypes[i].dtype;
    return BAG_OTHER;
}

// A whole number that a double holds exactly.
static bool get_size(const cJSON *value, size_t *out)
{
    if (!cJSON_IsNumber(value) || value->valuedouble < 0 || value->valuedouble > 0x1p53 ||
        value->valuedouble != floor(value->valuedouble))
        return false;
    *out = (size_t)value->valuedouble;
    return true;
}

static bool get_shape(const cJSON *shape, struct bag_tensor *t)
{
    const cJSON *extent;
    if (!cJSON_IsArray(shape))
        return false;
    cJSON_ArrayForEach(extent, shape)
    {
        if (t->ndim == BAG_MAX_DIMS || !get_size(extent, &t->shape[t->ndim++]))
            return false;
    }
    return true;
}

static enum err_code add_tensor(struct bag *bag, const cJSON *entry, size_t start,
                                struct err *e)
{
    struct bag_tensor t = {.name = entry->string};
    const char *dtype =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, "dtype"));
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(entry, "data_offsets");
    size_t begin, end, room = bag->file.len - start;
    if (!dtype || cJSON_GetArraySize(offsets) != 2 || !get_size(offsets->child, &begin) ||
        !get_size(offsets->child->next, &end) ||
        !get_shape(cJSON_GetObjectItemCaseSensitive(entry, "shape"), &t))
        return err_set(e, ERR_FORMAT,
                       "%s: header entry %.200s has no sound dtype, shape (at most %d "
                       "extents) and data_offsets",
                       bag->path, t.name, BAG_MAX_DIMS);
    if (begin > end || end > room)
        return err_set(
            e, ERR_FORMAT,
            "%s: tensor %.200s lies at bytes %zu to %zu of %zu: damaged or cut "
            "short",
            bag->path, t.name, begin, end, room);
    t.dtype = find_dtype(dtype);
    t.data = bag->file.data + start + begin;
    t.bytes = end - begin;
    return bag_add(bag, &t, e);
}

static int by_place(const void *a, const void *b)
{
    const struct bag_tensor *const *x = a, *const *y = b;
    const uint8_t *p = (*x)->data, *q = (*y)->data;
    if (p != q)
        return p < q ? -1 : 1;
    return ((*x)->bytes > (*y)->bytes) - ((*x)->bytes < (*y)->bytes);
}

static enum err_code check_overlap(const struct bag *bag, struct err *e)
{
    const struct bag_tensor **sorted = mem_array(bag->count, sizeof(void *));
    if (!sorted)
        return err_set(e, ERR_NOMEM, "%s: no memory for %zu tensors", bag->path,
                       bag->count);
    for (size_t i = 0; i < bag->count; i++)
        sorted[i] = &bag->tensors[i];
    qsort(sorted, bag->count, sizeof(void *), by_place);
    enum err_code rc = ERR_OK;
    for (size_t i = 1; i < bag->count && rc == ERR_OK; i++) {
        const uint8_t *end = (const uint8_t *)sorted[i - 1]->data + sorted[i - 1]->bytes;
        if (end > (const uint8_t *)sorted[i]->data && sorted[i]->bytes)
            rc = err_set(e, ERR_FORMAT, "%s: tensors %.200s and %.200s overlap",
                         bag->path, sorted[i - 1]->name, sorted[i]->name);
    }
    free(sorted);
    return rc;
}

static enum err_code read_header(struct bag *bag, const cJSON *header, size_t start,
                                 struct err *e)
{
    const cJSON *entry, *pair;
    cJSON_ArrayForEach(entry, header)
    {
        if (strcmp(entry->string, "__metadata__") != 0) {
            enum err_code rc = add_tensor(bag, entry, start, e);
            if (rc != ERR_OK)
                return rc;
            continue;
        }
        cJSON_ArrayForEach(pair, entry)
        {
            if (!cJSON_IsString(pair) || !pair->string)
                return err_set(e, ERR_FORMAT, "%s: metadata that is not text", bag->path);
            bag_add_meta(bag, pair->string, pair->valuestring);
        }
    }
    return check_overlap(bag, e);
}

enum err_code safetensors_read(struct file_bytes *bytes, const char *path,
                               struct bag *out, struct err *e)
{
    out->path = mem_dup(path);
    out->file = *bytes;
    *bytes = (struct file_bytes){0};
    uint64_t n = out->file.len >= 8 ? header_len(&out->file) : 0;
    if (out->file.len < 8 || n > MAX_HEADER || n > out->file.len - 8)
        return err_set(
            e, ERR_FORMAT,
            "%s: a safetensors header of %llu bytes in a file of %zu: damaged or cut "
            "short",
            path, (unsigned long long)n, out->file.len);
    cJSON *header = cJSON_ParseWithLength((const char *)out->file.data + 8, (size_t)n);
    enum err_code rc =
        cJSON_IsObject(header)
            ? read_header(out, header, 8 + (size_t)n, e)
            : err_set(e, ERR_FORMAT, "%s: the safetensors header is not JSON", path);
    cJSON_Delete(header);
    return rc;
}

#include "engine/weights/bag.h"

#include "engine/model/half.h"

#include "base/mem.h"
#include "base/str.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
} dtypes[BAG_DTYPE_COUNT] = {
    [BAG_F32] = {"float32", 4},   [BAG_F16] = {"float16", 2},
    [BAG_BF16] = {"bfloat16", 2}, [BAG_F64] = {"float64", 8},
    [BAG_I8] = {"int8", 1},       [BAG_I64] = {"int64", 8},
    [BAG_OTHER] = {"another", 0},
};

size_t bag_dtype_size(enum bag_dtype dtype)
{
    return dtypes[dtype].size;
}

void bag_release(struct bag *bag)
{
    for (size_t i = 0; i < bag->block_count; i++)
        free(bag->blocks[i]);
    for (size_t i = 0; i < bag->meta_count; i++)
        free(bag->meta[i]);
    lookup_release(&bag->names);
    free(bag->tensors);
    free(bag->blocks);
    free(bag->meta);
    free(bag->path);
    file_bytes_release(&bag->file);
    *bag = (struct bag){0};
}

static const char *path_of(const struct bag *bag)
{
    return bag->path ? bag->path : "model";
}

static enum err_code check_size(const struct bag *bag, const struct bag_tensor *t,
                                struct err *e)
{
    if (t->ndim < 0 || t->ndim > BAG_MAX_DIMS)
        return err_set(e, ERR_FORMAT, "%s: tensor %.200s has %d dimensions, at most %d",
                       path_of(bag), t->name, t->ndim, BAG_MAX_DIMS);
    size_t want = bag_dtype_size(t->dtype);
    if (want == 0)
        return ERR_OK;
    for (int i = 0; i < t->ndim; i++)
        if (!mem_mul(want, t->shape[i], &want))
            return err_set(e, ERR_LIMIT, "%s: the shape of tensor %.200s overflows",
                           path_of(bag), t->name);
    if (want != t->bytes)
        return err_set(e, ERR_FORMAT,
                       "%s: tensor %.200s has %zu bytes, its shape asks for %zu",
                       path_of(bag), t->name, t->bytes, want);
    return ERR_OK;
}

enum err_code bag_add(struct bag *bag, const struct bag_tensor *tensor, struct err *e)
{
    enum err_code rc = check_size(bag, tensor, e);
    if (rc)
        return rc;
    if (lookup_find(&bag->names, tensor->name) != LOOKUP_NONE)
        return err_set(e, ERR_FORMAT, "%s: tensor %.200s appears twice", path_of(bag),
                       tensor->name);
    if (!mem_grow(&bag->tensors, &bag->cap, bag->count + 1, sizeof *bag->tensors) ||
        !lookup_add(&bag->names, tensor->name))
        return err_set(e, ERR_NOMEM, "%s: out of memory", path_of(bag));
    bag->tensors[bag->count] = *tensor;
    bag->tensors[bag->count].name = bag->names.all[bag->count];
    bag->tensors[bag->count].used = false;
    bag->count++;
    return ERR_OK;
}

// Elements of a shape, and how many elements of memory it reaches over. False: overflow.
static bool extent_of(const struct bag_tensor *t, const size_t *strides, size_t *n,
                      size_t *reach)
{
    size_t span;
    *n = 1;
    *reach = 1;
    for (int i = 0; i < t->ndim; i++)
        if (!mem_mul(*n, t->shape[i], n))
            return false;
    for (int i = 0; *n && i < t->ndim; i++)
        if (!mem_mul(t->shape[i] - 1, strides[i], &span) ||
            __builtin_add_overflow(*reach, span, reach))
            return false;
    return true;
}

static bool is_c_order(const struct bag_tensor *t, const size_t *strides)
{
    size_t want = 1;
    for (int i = t->ndim; i-- > 0; want *= t->shape[i])
        if (t->shape[i] > 1 && strides[i] != want)
            return false;
    return true;
}

static void gather(const struct bag_tensor *t, const size_t *strides, size_t n,
                   uint8_t *out)
{
    size_t size = bag_dtype_size(t->dtype), at[BAG_MAX_DIMS] = {0}, from = 0;
    for (size_t i = 0; i < n; i++) {
        memcpy(out + i * size, (const uint8_t *)t->data + from * size, size);
        // Counts up like an odometer.
        for (int d = t->ndim; d-- > 0;) {
            from += strides[d];
            if (++at[d] < t->shape[d])
                break;
            from -= at[d] * strides[d];
            at[d] = 0;
        }
    }
}

enum err_code bag_add_strided(struct bag *bag, const struct bag_tensor *tensor,
                              const size_t *strides, struct err *e)
{
    struct bag_tensor t = *tensor;
    size_t n, reach, size = bag_dtype_size(t.dtype);
    if (size == 0 || t.ndim < 0 || t.ndim > BAG_MAX_DIMS)
        return bag_add(bag, &t, e);
    size_t room = t.bytes / size;
    if (!extent_of(&t, strides, &n, &reach) || n > room || (n && reach > room))
        return err_set(e, ERR_FORMAT, "%s: tensor %.200s reaches beyond its %zu elements",
                       path_of(bag), t.name, room);
    t.bytes = n * size;
    if (n && !is_c_order(&t, strides)) {
        uint8_t *copy = mem_array(n, size);
        if (!copy)
            return err_set(e, ERR_NOMEM, "%s: out of memory", path_of(bag));
        gather(&t, strides, n, copy);
        bag_take_block(bag, copy);
        t.data = copy;
    }
    return bag_add(bag, &t, e);
}

// Pointer lists hold a few entries a tensor, so running out is as fatal as in mem_new.
static void *push(void *list, size_t *cap, size_t count, void *item)
{
    void **items = list;
    if (!mem_grow(&items, cap, count + 1, sizeof *items))
        abort();
    items[count] = item;
    return items;
}

void bag_take_block(struct bag *bag, void *block)
{
    bag->blocks = push(bag->blocks, &bag->block_cap, bag->block_count, block);
    bag->block_count++;
}

void bag_add_meta(struct bag *bag, const char *key, const char *value)
{
    bag->meta = push(bag->meta, &bag->meta_cap, bag->meta_count++, mem_dup(key));
    bag->meta = push(bag->meta, &bag->meta_cap, bag->meta_count++, mem_dup(value));
}

const struct bag_tensor *bag_find(const struct bag *bag, const char *name)
{
    ptrdiff_t i = lookup_find(&bag->names, name);
    return i == LOOKUP_NONE ? NULL : &bag->tensors[i];
}

const char *bag_meta(const struct bag *bag, const char *key)
{
    for (size_t i = 0; i + 1 < bag->meta_count; i += 2)
        if (strcmp(bag->meta[i], key) == 0)
            return bag->meta[i + 1];
    return NULL;
}

bool bag_has_prefix(const struct bag *bag, const char *prefix)
{
    for (size_t i = 0; i < bag->count; i++)
        if (str_starts_with(bag->tensors[i].name, prefix))
            return true;
    return false;
}

// Tensor names are paths, so the likest one shares the most characters at both ends.
static const char *nearest_name(const struct bag *bag, const char *name)
{
    size_t len = strlen(name), best_score = len / 2;
    const char *best = NULL;
    for (size_t i = 0; i < bag->count; i++) {
        const char *other = bag->tensors[i].name;
        size_t other_len = strlen(other), head = 0, tail = 0;
        size_t most = len < other_len ? len : other_len;
        while (head < most && name[head] == other[head])
            head++;
        while (tail < most - head && name[len - 1 - tail] == other[other_len - 1 - tail])
            tail++;
        if (head + tail > best_score) {
            best_score = head + tail;
            best = other;
        }
    }
    return best;
}

static enum err_code missing(const struct bag *bag, const char *name, struct err *e)
{
    const char *near = nearest_name(bag, name);
    if (near)
        return err_set(e, ERR_FORMAT, "%s: tensor %s is missing (nearest name: %.200s)",
                       path_of(bag), name, near);
    return err_set(e, ERR_FORMAT, "%s: tensor %s is missing", path_of(bag), name);
}

static void add_shape(struct str *s, int ndim, const size_t *shape)
{
    if (ndim == 0)
        str_add(s, "a scalar");
    for (int i = 0; i < ndim; i++) {
        str_add(s, i ? "x" : "");
        if (shape[i])
            str_addf(s, "%zu", shape[i]);
        else
            str_add(s, "?");
    }
}

static enum err_code check_shape(const struct bag *bag, const struct bag_tensor *t,
                                 int ndim, size_t *shape, struct err *e)
{
    bool same = t->ndim == ndim;
    for (int i = 0; same && i < ndim; i++)
        same = t->shape[i] > 0 && t->shape[i] <= INT_MAX &&
               (shape[i] == 0 || shape[i] == t->shape[i]);
    if (same) {
        memcpy(shape, t->shape, (size_t)ndim * sizeof *shape);
        return ERR_OK;
    }
    struct str s = {0};
    str_addf(&s, "%s: tensor %.200s is ", path_of(bag), t->name);
    add_shape(&s, t->ndim, t->shape);
    str_add(&s, ", expected ");
    add_shape(&s, ndim, shape);
    enum err_code rc = err_set(e, ERR_FORMAT, "%s", str_get(&s));
    str_release(&s);
    return rc;
}

static void convert(const struct bag_tensor *t, size_t n, float *out)
{
    const uint8_t *from = t->data;
    if (t->dtype == BAG_F32) {
        memcpy(out, from, n * sizeof *out);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint16_t half;
        double wide;
        if (t->dtype == BAG_F64) {
            memcpy(&wide, from + 8 * i, sizeof wide);
            out[i] = (float)wide;
        } else {
            memcpy(&half, from + 2 * i, sizeof half);
            out[i] = t->dtype == BAG_F16 ? half_to_float(half) : bf16_to_float(half);
        }
    }
}

static enum err_code check_finite(const struct bag *bag, const struct bag_tensor *t,
                                  const float *values, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return err_set(
                e, ERR_FORMAT, "%s: tensor %.200s holds %s at element %zu of %zu",
                path_of(bag), t->name, isnan(values[i]) ? "NaN" : "infinity", i, n);
    return ERR_OK;
}

static bool is_float(const struct bag_tensor *t)
{
    return t->dtype == BAG_F32 || t->dtype == BAG_F16 || t->dtype == BAG_BF16 ||
           t->dtype == BAG_F64;
}

enum err_code bag_floats(struct bag *bag, const char *name, int ndim, size_t *shape,
                         float **out, struct err *e)
{
    ptrdiff_t at = lookup_find(&bag->names, name);
    if (at == LOOKUP_NONE)
        return missing(bag, name, e);
    struct bag_tensor *t = &bag->tensors[at];
    if (!is_float(t))
        return err_set(e, ERR_FORMAT,
                       "%s: tensor %s is of %s type, expected a float type", path_of(bag),
                       name, dtypes[t->dtype].name);
    enum err_code rc = check_shape(bag, t, ndim, shape, e);
    if (rc)
        return rc;
    size_t n = t->bytes / bag_dtype_size(t->dtype);
    float *values = mem_array(n, sizeof *values);
    if (!values)
        return err_set(e, ERR_NOMEM, "%s: no memory for tensor %s", path_of(bag), name);
    convert(t, n, values);
    rc = check_finite(bag, t, values, n, e);
    if (rc) {
        free(values);
        return rc;
    }
    t->used = true;
    *out = values;
    return ERR_OK;
}

enum err_code bag_all_used(const struct bag *bag, bag_ignore_fn *ignore, struct err *e)
{
    for (size_t i = 0; i < bag->count; i++) {
        const struct bag_tensor *t = &bag->tensors[i];
        bool counter = !is_float(t) && (t->ndim == 0 || t->bytes <= sizeof(int64_t));
        if (!t->used && !counter && !(ignore && ignore(t->name)))
            return err_set(e, ERR_FORMAT, "%s: tensor %.200s has no place in the network",
                           path_of(bag), t->name);
    }
    return ERR_OK;
}

#include "engine/weights/pickle/numpy.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

// The module was renamed with numpy 2.
static const char *const reconstruct[] = {"numpy.core.multiarray._reconstruct",
                                          "numpy._core.multiarray._reconstruct"};
static const char *const frombuffer[] = {"numpy.core.numeric._frombuffer",
                                         "numpy._core.numeric._frombuffer"};

bool numpy_allows(const char *name)
{
    static const char *const others[] = {"numpy.ndarray", "numpy.dtype",
                                         "_codecs.encode"};
    for (int i = 0; i < 2; i++)
        if (strcmp(name, reconstruct[i]) == 0 || strcmp(name, frombuffer[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(name, others[i]) == 0)
            return true;
    return false;
}

static bool calls_either(const struct pickle *p, const struct pickle_value *v,
                         const char *const names[2], size_t args)
{
    return pickle_calls(p, v, names[0], args) || pickle_calls(p, v, names[1], args);
}

bool numpy_is_array(const struct pickle *p, const struct pickle_value *v)
{
    return calls_either(p, v, reconstruct, 0) || calls_either(p, v, frombuffer, 4);
}

// dtype('f4', …) with the state (3, '<', …)
static bool find_dtype(const struct pickle *p, const struct pickle_value *v,
                       enum bag_dtype *out)
{
    static const struct {
        const char *name;
        enum bag_dtype dtype;
    } types[] = {{"f4", BAG_F32}, {"f2", BAG_F16}, {"f8", BAG_F64},
                 {"i8", BAG_I64}, {"i1", BAG_I8},  {"i4", BAG_OTHER}};
    if (!pickle_calls(p, v, "numpy.dtype", 1) ||
        pickle_is(pickle_item(p, pickle_item(p, v, 2), 1), ">"))
        return false;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (pickle_is(pickle_arg(p, v, 0), types[i].name)) {
            *out = types[i].dtype;
            return true;
        }
    return false;
}

// Protocol 2 has no bytes: they come as text of which each character is one, to be
// encoded in Latin-1. Gives their number, or SIZE_MAX when a character is no byte.
static size_t latin1_of(const struct pickle_value *text, uint8_t *out)
{
    const uint8_t *in = (const uint8_t *)text->text;
    size_t n = 0;
    for (size_t i = 0; i < text->len; i++) {
        if (in[i] < 0x80) {
            out[n++] = in[i];
        } else if ((in[i] == 0xc2 || in[i] == 0xc3) && i + 1 < text->len &&
                   (in[i + 1] & 0xc0) == 0x80) {
            out[n++] = (uint8_t)((in[i] & 3) << 6 | (in[i + 1] & 0x3f));
            i++;
        } else {
            return SIZE_MAX;
        }
    }
    return n;
}

static enum err_code find_bytes(const struct pickle *p, const struct pickle_value *v,
                                struct bag *bag, struct bag_tensor *t, struct err *e)
{
    if (v->kind == PICKLE_BYTES) {
        t->data = v->text;
        t->bytes = v->len;
        return ERR_OK;
    }
    const struct pickle_value *text = pickle_arg(p, v, 0);
    if (!pickle_calls(p, v, "_codecs.encode", 2) || text->kind != PICKLE_TEXT)
        return err_set(e, ERR_FORMAT, "%s: array %.200s has no bytes", bag->path,
                       t->name);
    uint8_t *bytes = mem_array(text->len, 1);
    if (!bytes)
        return err_set(e, ERR_NOMEM, "%s: out of memory", bag->path);
    bag_take_block(bag, bytes);
    t->data = bytes;
    t->bytes = latin1_of(text, bytes);
    return t->bytes != SIZE_MAX
               ? ERR_OK
               : err_set(e, ERR_FORMAT, "%s: array %.200s has text that is not Latin-1",
                         bag->path, t->name);
}

enum err_code numpy_add(const struct pickle *p, const struct pickle_value *array,
                        const char *name, struct bag *bag, struct err *e)
{
    // _reconstruct(…) with the state (version, shape, dtype, fortran, bytes), or
    // _frombuffer(bytes, dtype, shape, order)
    const struct pickle_value *state = pickle_item(p, array, 2), *shape, *dtype, *bytes;
    bool fortran;
    if (calls_either(p, array, frombuffer, 4)) {
        bytes = pickle_arg(p, array, 0);
        dtype = pickle_arg(p, array, 1);
        shape = pickle_arg(p, array, 2);
        fortran = pickle_is(pickle_arg(p, array, 3), "F");
    } else {
        shape = pickle_item(p, state, 1);
        dtype = pickle_item(p, state, 2);
        fortran = pickle_item(p, state, 3)->integer != 0;
        bytes = pickle_item(p, state, 4);
    }
    struct bag_tensor t = {.name = (char *)name};
    t.ndim = pickle_sizes(p, shape, BAG_MAX_DIMS, t.shape);
    if (t.ndim < 0)
        return err_set(e, ERR_FORMAT, "%s: array %.200s has no shape", bag->path, name);
    if (!find_dtype(p, dtype, &t.dtype))
        return err_set(e, ERR_UNSUPPORTED,
                       "%s: array %.200s is of a type that is not read", bag->path, name);
    enum err_code rc = find_bytes(p, bytes, bag, &t, e);
    if (rc || !fortran)
        return rc ? rc : bag_add(bag, &t, e);
    size_t strides[BAG_MAX_DIMS], stride = 1;
    for (int i = 0; i < t.ndim; i++) {
        strides[i] = stride;
        if (!mem_mul(stride, t.shape[i], &stride))
            return err_set(e, ERR_LIMIT, "%s: the shape of array %.200s overflows",
                           bag->path, name);
    }
    return bag_add_strided(bag, &t, strides, e);
}

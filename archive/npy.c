#include "archive/npy.h"

#include "base/mem.h"

#include <string.h>

enum { MAGIC_LEN = 8, ALIGN = 64, MAX_HEADER = 1 << 16 };

static const char *const descrs[ARC_DTYPE_COUNT] = {
    [ARC_U1] = "|u1", [ARC_I4] = "<i4", [ARC_I8] = "<i8",
    [ARC_F2] = "<f2", [ARC_F4] = "<f4", [ARC_F8] = "<f8",
};

const char *npy_descr(enum arc_dtype dtype)
{
    return descrs[dtype];
}

// The header is a Python dict literal; this cursor reads the little of Python that NumPy
// writes there.
struct cursor {
    const char *p, *end;
};

static void skip_space(struct cursor *c)
{
    while (c->p < c->end && strchr(" \t\n", *c->p))
        c->p++;
}

static bool take_char(struct cursor *c, char want)
{
    skip_space(c);
    if (c->p == c->end || *c->p != want)
        return false;
    c->p++;
    return true;
}

static bool take_word(struct cursor *c, const char *word)
{
    skip_space(c);
    size_t n = strlen(word);
    if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0)
        return false;
    c->p += n;
    return true;
}

static bool take_string(struct cursor *c, char *out, size_t size)
{
    skip_space(c);
    if (c->p == c->end || (*c->p != '\'' && *c->p != '"'))
        return false;
    char quote = *c->p++;
    const char *close = memchr(c->p, quote, (size_t)(c->end - c->p));
    if (!close || (size_t)(close - c->p) >= size)
        return false;
    memcpy(out, c->p, (size_t)(close - c->p));
    out[close - c->p] = '\0';
    c->p = close + 1;
    return true;
}

static bool take_size(struct cursor *c, size_t *out)
{
    skip_space(c);
    const char *start = c->p;
    *out = 0;
    while (c->p < c->end && *c->p >= '0' && *c->p <= '9') {
        if (__builtin_mul_overflow(*out, (size_t)10, out) ||
            __builtin_add_overflow(*out, (size_t)(*c->p - '0'), out))
            return false;
        c->p++;
    }
    bool any = c->p > start;
    (void)(any && take_char(c, 'L')); // Python 2 wrote long integers so
    return any;
}

static bool take_shape(struct cursor *c, struct arc_array *array)
{
    array->ndim = 0;
    if (!take_char(c, '('))
        return false;
    while (!take_char(c, ')')) {
        if (array->ndim == ARC_MAX_DIMS || !take_size(c, &array->shape[array->ndim++]))
            return false;
        if (!take_char(c, ',')) {
            if (!take_char(c, ')'))
                return false;
            break;
        }
    }
    return true;
}

struct dict {
    char descr[16];
    struct npy_header *out;
    bool has_descr, has_order, has_shape;
};

static bool take_entry(struct cursor *c, struct dict *d)
{
    char key[24];
    if (!take_string(c, key, sizeof key) || !take_char(c, ':'))
        return false;
    if (strcmp(key, "descr") == 0)
        return d->has_descr = take_string(c, d->descr, sizeof d->descr);
    if (strcmp(key, "fortran_order") == 0) {
        d->out->fortran = take_word(c, "True");
        return d->has_order = d->out->fortran || take_word(c, "False");
    }
    return strcmp(key, "shape") == 0 && (d->has_shape = take_shape(c, &d->out->array));
}

static bool take_dict(struct cursor *c, struct dict *d)
{
    if (!take_char(c, '{'))
        return false;
    while (!take_char(c, '}')) {
        if (!take_entry(c, d))
            return false;
        (void)take_char(c, ',');
    }
    skip_space(c);
    return c->p == c->end && d->has_descr && d->has_order && d->has_shape;
}

static enum err_code find_dtype(const char *descr, const char *where, enum arc_dtype *out,
                                struct err *e)
{
    for (int i = 0; i < ARC_DTYPE_COUNT; i++) {
        bool same = strcmp(descr + 1, descrs[i] + 1) == 0;
        if (same && descr[0] == '>' && arc_dtype_size((enum arc_dtype)i) > 1)
            return err_set(e, ERR_UNSUPPORTED,
                           "%s: big-endian numbers (%s), expected little-endian", where,
                           descr);
        if (same && strchr("<|=>", descr[0])) {
            *out = (enum arc_dtype)i;
            return ERR_OK;
        }
    }
    return err_set(e, ERR_UNSUPPORTED,
                   "%s: numbers of type %s, expected u1, i4, i8, f2, f4 or f8", where,
                   descr);
}

static enum err_code measure(struct arc_array *array, const char *where, struct err *e)
{
    array->bytes = arc_dtype_size(array->dtype);
    for (int i = 0; i < array->ndim; i++)
        if (!mem_mul(array->bytes, array->shape[i], &array->bytes))
            return err_set(e, ERR_LIMIT, "%s: its shape overflows", where);
    return ERR_OK;
}

enum err_code npy_parse(const uint8_t *bytes, size_t len, const char *where,
                        struct npy_header *out, struct err *e)
{
    *out = (struct npy_header){0};
    if (len < MAGIC_LEN + 4 || memcmp(bytes, "\x93NUMPY", 6) != 0)
        return err_set(e, ERR_FORMAT, "%s: not a NumPy array", where);
    int major = bytes[6];
    if (major < 1 || major > 3)
        return err_set(e, ERR_UNSUPPORTED, "%s: NumPy format %d.%d, expected 1.0 to 3.0",
                       where, major, bytes[7]);
    size_t n = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    out->offset = MAGIC_LEN + 2;
    if (major > 1) {
        n |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
        out->offset += 2;
    }
    if (n > MAX_HEADER || n > len - out->offset)
        return err_set(e, ERR_FORMAT, "%s: header of %zu bytes runs past the end", where,
                       n);
    struct cursor c = {(const char *)bytes + out->offset,
                       (const char *)bytes + out->offset + n};
    struct dict d = {.out = out};
    if (memchr(c.p, 0, n) || !take_dict(&c, &d))
        return err_set(e, ERR_FORMAT,
                       "%s: header is damaged at byte %zu, expected descr, "
                       "fortran_order and shape (at most %d dimensions)",
                       where, (size_t)(c.p - (const char *)bytes), ARC_MAX_DIMS);
    out->offset += n;
    enum err_code rc = find_dtype(d.descr, where, &out->array.dtype, e);
    return rc == ERR_OK ? measure(&out->array, where, e) : rc;
}

void npy_format(struct str *out, const char *descr, int ndim, const size_t *shape)
{
    struct str dict = {0};
    str_addf(&dict, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (int i = 0; i < ndim; i++)
        str_addf(&dict, i + 1 < ndim ? "%zu, " : ndim == 1 ? "%zu," : "%zu", shape[i]);
    str_add(&dict, "), }");
    while ((MAGIC_LEN + 2 + dict.len + 1) % ALIGN)
        str_add_char(&dict, ' ');
    str_add_char(&dict, '\n');
    str_add_n(out, "\x93NUMPY\x01\x00", MAGIC_LEN);
    str_add_char(out, (char)(dict.len & 255));
    str_add_char(out, (char)(dict.len >> 8));
    str_add_n(out, dict.data, dict.len);
    str_release(&dict);
}

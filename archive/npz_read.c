#include "archive/npy.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER_ROOM = 1 << 17 };

static enum err_code no_such_key(const struct zip_reader *zip, const char *path,
                                 const char *key, struct err *e)
{
    struct str keys = {0};
    size_t n = arc_zip_count(zip);
    for (size_t i = 0; i < n && i < 8; i++) {
        const char *name = arc_zip_name(zip, i);
        size_t stem = str_ends_with(name, ".npy") ? strlen(name) - 4 : strlen(name);
        str_addf(&keys, "%s%.*s", i ? ", " : "", (int)(stem < 60 ? stem : 60), name);
    }
    if (n > 8)
        str_add(&keys, ", …");
    enum err_code rc = err_set(e, ERR_FORMAT, "%s: no array \"%s\"; it has %s", path, key,
                               n ? str_get(&keys) : "none");
    str_release(&keys);
    return rc;
}

// Elements of a Fortran-ordered array into C order: walks the destination in order and
// keeps the source offset of the current index.
static void to_c_order(const struct arc_array *array, const uint8_t *from, uint8_t *to)
{
    size_t size = arc_dtype_size(array->dtype), n = size;
    size_t stride[ARC_MAX_DIMS] = {0}, index[ARC_MAX_DIMS] = {0};
    for (int i = 0; i < array->ndim; i++) {
        stride[i] = n;
        n *= array->shape[i];
    }
    size_t at = 0;
    for (size_t done = 0; done < array->bytes; done += size) {
        memcpy(to + done, from + at, size);
        for (int i = array->ndim - 1; i >= 0; i--) {
            at += stride[i];
            if (++index[i] < array->shape[i])
                break;
            at -= stride[i] * array->shape[i];
            index[i] = 0;
        }
    }
}

// Turns the member's bytes, which it takes, into the array.
static enum err_code take_member(uint8_t *bytes, size_t len, const char *where,
                                 size_t max, struct arc_array *out, struct err *e)
{
    struct npy_header header;
    uint8_t *data = bytes;
    enum err_code rc = npy_parse(bytes, len, where, &header, e);
    if (rc == ERR_OK && header.array.bytes > max)
        rc = err_set(e, ERR_LIMIT, "%s: %zu bytes, expected at most %zu", where,
                     header.array.bytes, max);
    else if (rc == ERR_OK && header.array.bytes != len - header.offset)
        rc = err_set(e, ERR_FORMAT, "%s: %zu bytes of data, its shape expects %zu", where,
                     len - header.offset, header.array.bytes);
    else if (rc == ERR_OK && header.fortran) {
        data = mem_array(header.array.bytes, 1);
        if (data)
            to_c_order(&header.array, bytes + header.offset, data);
        else
            rc = err_set(e, ERR_NOMEM, "%s: no memory for %zu bytes", where,
                         header.array.bytes);
        free(bytes);
    } else if (rc == ERR_OK) {
        memmove(bytes, bytes + header.offset, header.array.bytes);
    }
    if (rc != ERR_OK) {
        if (data == bytes)
            free(bytes);
        return rc;
    }
    *out = header.array;
    out->data = data;
    return ERR_OK;
}

enum err_code arc_npz_read(const char *path, const char *key, size_t max,
                           struct arc_array *out, struct err *e)
{
    struct zip_reader *zip = NULL;
    char *member = mem_printf("%s.npy", key), *where = mem_printf("%s: %s", path, key);
    uint8_t *bytes = NULL;
    size_t len = 0, room = max > SIZE_MAX - HEADER_ROOM ? max : max + HEADER_ROOM;
    enum err_code rc;
    TRY(arc_zip_open(path, &zip, e));
    ptrdiff_t i = arc_zip_find(zip, member);
    if (i < 0)
        TRY(no_such_key(zip, path, key, e));
    TRY(arc_zip_read(zip, (size_t)i, room, &bytes, &len, e));
    rc = take_member(bytes, len, where, max, out, e);
out:
    arc_zip_close(zip);
    free(where);
    free(member);
    return rc;
}

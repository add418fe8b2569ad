#ifndef ARCHIVE_NPY_H
#define ARCHIVE_NPY_H

// The header of a NumPy array file (NEP 1, versions 1.0 to 3.0), inside this room only.

#include "archive/archive.h"

#include "base/str.h"

struct npy_header {
    struct arc_array array; // dtype, ndim, shape and bytes; data is NULL
    bool fortran;
    size_t offset; // of the data in the file
};

// Parses the start of `len` bytes; array.bytes is overflow-checked but not yet compared
// with what follows. `where` begins each message.
enum err_code npy_parse(const uint8_t *bytes, size_t len, const char *where,
                        struct npy_header *out, struct err *e) MUST_CHECK;

// Appends a version 1.0 header for this descr ("<f4") and shape, padded as NumPy does so
// that data begins at a multiple of 64.
void npy_format(struct str *out, const char *descr, int ndim, const size_t *shape);

const char *npy_descr(enum arc_dtype dtype);

#endif

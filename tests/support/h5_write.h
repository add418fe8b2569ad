#ifndef TESTS_SUPPORT_H5_WRITE_H
#define TESTS_SUPPORT_H5_WRITE_H

// Writes HDF5 files as Keras does, so that tests can make models of any size and damage.
// Stops the program when it cannot.

#include <stdbool.h>
#include <stddef.h>

struct h5_out;

struct h5_out *h5_out_open(const char *path);
void h5_out_close(struct h5_out *out);

// A float32 array, with the groups above it.
void h5_out_floats(struct h5_out *out, const char *name, int ndim, const size_t *shape,
                   const float *data);

// The same in another of the ways that HDF5 has; H5_OUT_UNSET is never written to.
enum h5_out_kind {
    H5_OUT_PLAIN,
    H5_OUT_COMPACT,
    H5_OUT_CHUNKED,
    H5_OUT_DEFLATED,
    H5_OUT_UNSET,
    H5_OUT_BIG_ENDIAN,
    H5_OUT_DOUBLE,
    H5_OUT_HALF,
};
void h5_out_stored(struct h5_out *out, const char *name, enum h5_out_kind kind, int ndim,
                   const size_t *shape, const float *data);

void h5_out_group(struct h5_out *out, const char *name);

// Text attributes of an object ("" is the root), of variable or of fixed length (as in
// files of 2017).
void h5_out_text(struct h5_out *out, const char *object, const char *attr,
                 const char *text);
void h5_out_texts(struct h5_out *out, const char *object, const char *attr,
                  const char *const *texts, size_t n, bool fixed);

#endif

#include "tests/support/h5_write.h"

#include "base/mem.h"

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct h5_out {
    hid_t file, links; // links: "make the groups in between"
};

static hid_t must(hid_t id, const char *what)
{
    if (id < 0) {
        (void)fprintf(stderr, "h5_write: %s failed\n", what);
        abort();
    }
    return id;
}

struct h5_out *h5_out_open(const char *path)
{
    struct h5_out *out = mem_new(sizeof *out);
    out->file = must(H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), path);
    out->links = must(H5Pcreate(H5P_LINK_CREATE), "link list");
    (void)must(H5Pset_create_intermediate_group(out->links, 1), "link list");
    return out;
}

void h5_out_close(struct h5_out *out)
{
    (void)must(H5Pclose(out->links), "close");
    (void)must(H5Fclose(out->file), "close");
    free(out);
}

static hid_t number_type(enum h5_out_kind kind)
{
    hid_t type = must(H5Tcopy(kind == H5_OUT_DOUBLE       ? H5T_IEEE_F64LE
                              : kind == H5_OUT_BIG_ENDIAN ? H5T_IEEE_F32BE
                                                          : H5T_IEEE_F32LE),
                      "type");
    if (kind == H5_OUT_HALF) { // sign, exponent, mantissa of binary16
        (void)must(H5Tset_fields(type, 15, 10, 5, 0, 10), "half");
        (void)must(H5Tset_size(type, 2), "half");
        (void)must(H5Tset_ebias(type, 15), "half");
    }
    return type;
}

void h5_out_stored(struct h5_out *out, const char *name, enum h5_out_kind kind, int ndim,
                   const size_t *shape, const float *data)
{
    hsize_t dims[8], chunk[8];
    for (int i = 0; i < ndim; i++) {
        dims[i] = shape[i];
        chunk[i] = (shape[i] + 1) / 2;
    }
    hid_t space = must(H5Screate_simple(ndim, dims, NULL), name);
    hid_t list = must(H5Pcreate(H5P_DATASET_CREATE), name), type = number_type(kind);
    if (kind == H5_OUT_CHUNKED || kind == H5_OUT_DEFLATED)
        (void)must(H5Pset_chunk(list, ndim, chunk), name);
    if (kind == H5_OUT_DEFLATED)
        (void)must(H5Pset_deflate(list, 6), name);
    if (kind == H5_OUT_COMPACT)
        (void)must(H5Pset_layout(list, H5D_COMPACT), name);
    hid_t set = must(
        H5Dcreate2(out->file, name, type, space, out->links, list, H5P_DEFAULT), name);
    if (kind != H5_OUT_UNSET)
        (void)must(H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, data),
                   name);
    (void)H5Dclose(set);
    (void)H5Pclose(list);
    (void)H5Tclose(type);
    (void)H5Sclose(space);
}

void h5_out_floats(struct h5_out *out, const char *name, int ndim, const size_t *shape,
                   const float *data)
{
    h5_out_stored(out, name, H5_OUT_PLAIN, ndim, shape, data);
}

void h5_out_group(struct h5_out *out, const char *name)
{
    (void)H5Gclose(
        must(H5Gcreate2(out->file, name, out->links, H5P_DEFAULT, H5P_DEFAULT), name));
}

static void add_attr(struct h5_out *out, const char *object, const char *attr,
                     size_t width, hid_t space, const void *data)
{
    hid_t type = must(H5Tcopy(H5T_C_S1), attr);
    (void)must(H5Tset_size(type, width), attr);
    hid_t a = must(H5Acreate_by_name(out->file, object[0] ? object : "/", attr, type,
                                     space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                   attr);
    (void)must(H5Awrite(a, type, data), attr);
    (void)H5Aclose(a);
    (void)H5Tclose(type);
    (void)H5Sclose(space);
}

void h5_out_text(struct h5_out *out, const char *object, const char *attr,
                 const char *text)
{
    add_attr(out, object, attr, H5T_VARIABLE, must(H5Screate(H5S_SCALAR), attr), &text);
}

void h5_out_texts(struct h5_out *out, const char *object, const char *attr,
                  const char *const *texts, size_t n, bool fixed)
{
    hsize_t count = n;
    hid_t space = must(H5Screate_simple(1, &count, NULL), attr);
    size_t width = 1;
    for (size_t i = 0; i < n; i++)
        width = strlen(texts[i]) > width ? strlen(texts[i]) : width;
    char *packed = mem_new(n * width);
    for (size_t i = 0; i < n; i++)
        memcpy(packed + i * width, texts[i], strlen(texts[i]));
    if (fixed)
        add_attr(out, object, attr, width, space, packed);
    else
        add_attr(out, object, attr, H5T_VARIABLE, space, texts);
    free(packed);
}

#ifndef ENG_WEIGHTS_KERAS_HDF5_H
#define ENG_WEIGHTS_KERAS_HDF5_H

// HDF5 files as Keras writes them: groups, text attributes and float arrays. libhdf5
// reads the file in a process of its own (hdf5_child.h); what is asked here is answered
// from the block that it left.

#include "engine/weights/keras/hdf5_read.h"

#include "base/err.h"
#include "base/file.h"

#include <stdbool.h>
#include <stddef.h>

struct h5_file;

// Whether bytes begin as HDF5 does.
bool h5_is(const struct file_bytes *image);

// Reads the image of a file, which must stay until the close. path is for messages.
enum err_code h5_open(const struct file_bytes *image, const char *path,
                      struct h5_file **out, struct err *e) MUST_CHECK;
void h5_close(struct h5_file *file);

// Whether an object is there. The root is "".
bool h5_has(const struct h5_file *file, const char *object);
bool h5_has_attr(const struct h5_file *file, const char *object, const char *attr);

// A list of texts, malloc'ed; release with h5_texts_release.
struct h5_texts {
    char **text;
    size_t count;
};
void h5_texts_release(struct h5_texts *texts);

// A text attribute, one or many, of fixed or variable length. Lists that Keras splits
// because of HDF5's size limit ("layer_names0", "layer_names1", …) are joined.
enum err_code h5_attr_texts(const struct h5_file *file, const char *object,
                            const char *attr, struct h5_texts *out,
                            struct err *e) MUST_CHECK;

// Names of the groups in a group, in alphabetical order.
enum err_code h5_children(const struct h5_file *file, const char *group,
                          struct h5_texts *out, struct err *e) MUST_CHECK;

// A float dataset as float32 in malloc'ed memory.
enum err_code h5_floats(const struct h5_file *file, const char *dataset, int *ndim,
                        size_t shape[H5_MAX_DIMS], float **out, struct err *e) MUST_CHECK;

#endif

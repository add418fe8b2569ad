#ifndef ENG_WEIGHTS_KERAS_HDF5_CHILD_H
#define ENG_WEIGHTS_KERAS_HDF5_CHILD_H

// Runs libhdf5 where its crashes do no harm: in a forked process with limits of time and
// memory, which shares nothing with this one but the block that it leaves.

#include "engine/weights/keras/hdf5_read.h"

#include "base/err.h"
#include "base/file.h"

struct h5_limits {
    size_t block, memory; // bytes: of what is left, and of all that the process maps
    unsigned cpu_seconds, wall_seconds;
};

// What a file of this many bytes may take.
struct h5_limits h5_limits_for(size_t len);

// Has `read` (h5_read_all) turn an HDF5 image into the block of hdf5_read.h, mapped and
// no longer writable by anybody, but not looked at: it is as hostile as the file.
// ERR_FORMAT: damaged, with the signal that stopped the reader where it was one.
// ERR_LIMIT, ERR_NOMEM: as the reader says.
enum err_code h5_child_read(h5_read_fn *read, const struct file_bytes *image,
                            const struct h5_limits *limits, const char *path,
                            struct file_bytes *block, struct err *e) MUST_CHECK;

#endif

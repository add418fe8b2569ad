#ifndef ENG_WEIGHTS_HDF5_CHILD_H
#define ENG_WEIGHTS_HDF5_CHILD_H

// Runs libhdf5 where its crashes do no harm: in a forked process with limits of time and
// memory, which shares nothing with this one but the block that it leaves.

#include "base/err.h"
#include "base/file.h"

// Reads an HDF5 image into the block of hdf5_read.h, mapped and no longer writable by
// anybody, but not looked at: it is as hostile as the file. ERR_FORMAT: damaged, with the
// signal that stopped the reader where it was one.
enum err_code h5_child_read(const struct file_bytes *image, const char *path,
                            struct file_bytes *block, struct err *e) MUST_CHECK;

#endif

#ifndef ENG_WEIGHTS_KERAS_HDF5_READ_H
#define ENG_WEIGHTS_KERAS_HDF5_READ_H

// The half of the HDF5 reader that libhdf5 is in. It runs in a process of its own
// (hdf5_child.h), for libhdf5 is not safe on damaged files, and leaves what Keras'
// readers may ask for as a block in the layout of safetensors:
//   "a/b/c"      I64  an array that lies in the file as float32 in C order: its place,
//                     then its extents. The file says so, who reads it checks
//                F32  one that had to be converted or put together
//                U8   or, in one byte, why it cannot be had (enum h5_fault)
//   "a/b/"       U8   a group, no bytes; the root is "/"
//   "a/b//attr"  U8   its text attribute: texts that end with a NUL each. One byte that
//                     is no NUL where it cannot be read
// Only hard links are followed, so that a file cannot lead to others.

#include "base/file.h"

enum { H5_MAX_DIMS = 8 };

enum h5_fault {
    H5_NOT_FLOATS,
    H5_NOT_PLAIN,
    H5_TOO_MANY_NUMBERS,
    H5_CLAIMS_TOO_MUCH,
    H5_UNREADABLE,
    H5_FAULT_COUNT
};

// Exit status of the process; other ones are libhdf5's or a sanitizer's.
enum h5_exit { H5_READ = 0, H5_NOT_OPENED = 70, H5_TOO_LARGE, H5_NO_MEMORY };

// Reads the whole image and writes the block of at most `max` bytes to an empty file.
// What it allocates is the process's to free.
typedef enum h5_exit h5_read_fn(const struct file_bytes *image, int fd, size_t max);
enum h5_exit h5_read_all(const struct file_bytes *image, int fd, size_t max);

#endif

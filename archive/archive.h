#ifndef ARCHIVE_H
#define ARCHIVE_H

// Zip containers and the NumPy arrays inside them. The only room that includes zip.h.
// Every size in a file is checked against the file and against `max` before it is used.

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- zip, reading ----

struct zip_reader;

enum err_code arc_zip_open(const char *path, struct zip_reader **out,
                           struct err *e) MUST_CHECK;
void arc_zip_close(struct zip_reader *zip);

// Members in file order; name is borrowed. size is the uncompressed size.
size_t arc_zip_count(const struct zip_reader *zip);
const char *arc_zip_name(const struct zip_reader *zip, size_t i);

// Index of a member, or -1.
ptrdiff_t arc_zip_find(const struct zip_reader *zip, const char *name);

// Whole member into malloc'ed memory (with a 0 byte behind it); ERR_LIMIT above max.
enum err_code arc_zip_read(struct zip_reader *zip, size_t i, size_t max, uint8_t **data,
                           size_t *len, struct err *e) MUST_CHECK;

// ---- arrays ----

enum arc_dtype { ARC_U1, ARC_I4, ARC_I8, ARC_F2, ARC_F4, ARC_F8, ARC_DTYPE_COUNT };
enum { ARC_MAX_DIMS = 8 };

// A C-order array; data is malloc'ed when read by arc_npz_read, borrowed when written.
struct arc_array {
    enum arc_dtype dtype;
    int ndim;
    size_t shape[ARC_MAX_DIMS];
    void *data;
    size_t bytes;
};

size_t arc_dtype_size(enum arc_dtype dtype);
void arc_array_release(struct arc_array *array);

// Reads member `key` (".npy" added) of an npz: npy 1.0–3.0, little-endian, C or Fortran
// order (given back as C). Names the keys present when `key` is absent.
enum err_code arc_npz_read(const char *path, const char *key, size_t max,
                           struct arc_array *out, struct err *e) MUST_CHECK;

// ---- npz, writing: streamed, renamed into place on commit ----

struct npz_writer;

enum err_code arc_npz_create(const char *path, bool force, struct npz_writer **out,
                             struct err *e) MUST_CHECK;

// A whole member at once (stored, zip64 where needed).
enum err_code arc_npz_put(struct npz_writer *npz, const char *key,
                          const struct arc_array *array, struct err *e) MUST_CHECK;

// NumPy unicode strings ('<U'); UTF-8 in.
enum err_code arc_npz_put_strings(struct npz_writer *npz, const char *key,
                                  const char *const *text, size_t n,
                                  struct err *e) MUST_CHECK;

// Members written bit by bit, several at a time: each gets its place in the file when it
// begins, so its shape is known by then, and what is added comes in order. Strings have
// at most `width` characters, as arc_npz_width counts them. A member that is not full
// fails at the commit.
struct npz_member {
    size_t index;
};
enum err_code arc_npz_begin(struct npz_writer *npz, const char *key, enum arc_dtype dtype,
                            int ndim, const size_t *shape, struct npz_member *out,
                            struct err *e) MUST_CHECK;
enum err_code arc_npz_begin_strings(struct npz_writer *npz, const char *key, size_t n,
                                    size_t width, struct npz_member *out,
                                    struct err *e) MUST_CHECK;
enum err_code arc_npz_add(struct npz_writer *npz, struct npz_member member,
                          const void *data, size_t bytes, struct err *e) MUST_CHECK;
enum err_code arc_npz_add_string(struct npz_writer *npz, struct npz_member member,
                                 const char *text, struct err *e) MUST_CHECK;
size_t arc_npz_width(const char *text);

// Frees the writer whatever happens; on failure nothing is left under the final name.
enum err_code arc_npz_commit(struct npz_writer *npz, struct err *e) MUST_CHECK;
void arc_npz_discard(struct npz_writer *npz);

// A file of one array, in place of what is there. Made for the thousands of a set: not
// synced (file_out_commit_unsynced), since arc_npz_read tells a short one by its
// checksum.
enum err_code arc_npz_write(const char *path, const char *key,
                            const struct arc_array *array, struct err *e) MUST_CHECK;

#endif

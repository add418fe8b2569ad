#ifndef BASE_FILE_H
#define BASE_FILE_H

// Whole files in and out. Reading is bounded; writing goes to a temporary beside the
// target and is renamed into place, so nothing half-written is ever seen under a final
// name.

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// Bytes of a file: mapped read-only (file_map) or in malloc'ed memory (file_read).
struct file_bytes {
    const uint8_t *data;
    size_t len;
    bool mapped;
};

// Reads a regular file of at most `max` bytes; ERR_LIMIT names both sizes when it is
// larger.
enum err_code file_read(const char *path, size_t max, struct file_bytes *out,
                        struct err *e) MUST_CHECK;

// Maps a regular file read-only; an empty file gives len 0 and valid data.
enum err_code file_map(const char *path, struct file_bytes *out,
                       struct err *e) MUST_CHECK;

void file_bytes_release(struct file_bytes *bytes);

// A file being written. Open with {0}-initialised storage; exactly one of commit or
// discard.
struct file_out {
    FILE *stream; // write here
    char *path;   // final name
    char *temp;   // name until commit; NULL for what is no regular file
};

// ERR_EXISTS when path exists and force is false; a device or a pipe is written to as it
// is.
enum err_code file_out_open(struct file_out *out, const char *path, bool force,
                            struct err *e) MUST_CHECK;

// Flushes, syncs and renames; on any write error removes the temporary and says why.
enum err_code file_out_commit(struct file_out *out, struct err *e) MUST_CHECK;

// The same without waiting for the disk, for one of thousands of files that can be made
// again. kill -9 loses nothing; after a power cut it may be there short, which its reader
// has to see.
enum err_code file_out_commit_unsynced(struct file_out *out, struct err *e) MUST_CHECK;

// Removes the temporary; no-op on a committed or zeroed one.
void file_out_discard(struct file_out *out);

bool file_is_dir(const char *path);
bool file_exists(const char *path);

// mkdir -p.
enum err_code file_make_dirs(const char *path, struct err *e) MUST_CHECK;

// Absolute path with symbolic links kept, malloc'ed: getcwd joined where path is
// relative,
// "." and ".." and double slashes folded.
char *file_absolute(const char *path) MUST_CHECK;

// An XDG folder plus "/xlens" ("$XDG_DATA_HOME" or "$HOME/.local/share" …), malloc'ed:
// var is the environment variable, fallback the path below $HOME.
char *file_xdg(const char *var, const char *fallback) MUST_CHECK;

#endif

#ifndef TESTS_SUPPORT_TEMPDIR_H
#define TESTS_SUPPORT_TEMPDIR_H

// A folder of its own for a test, and files in it.

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEMP_PATH = 512 };

struct tempdir {
    char path[TEMP_PATH];
};

static inline struct tempdir tempdir_make(void)
{
    struct tempdir dir = {"/tmp/xlens-test-XXXXXX"};
    if (!mkdtemp(dir.path))
        abort();
    return dir;
}

static inline int tempdir_remove_entry(const char *path, const struct stat *st, int type,
                                       struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void tempdir_remove(struct tempdir *dir)
{
    (void)nftw(dir->path, tempdir_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

// Path of a name in the folder; the result lives until the next call but three.
static inline const char *tempdir_path(const struct tempdir *dir, const char *name)
{
    static char paths[4][2 * TEMP_PATH];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", dir->path, name);
    return path;
}

// Writes a file, folders above it included; returns its path.
static inline const char *tempdir_write_n(const struct tempdir *dir, const char *name,
                                          const void *bytes, size_t n)
{
    char path[2 * TEMP_PATH];
    (void)snprintf(path, sizeof path, "%s/%s", dir->path, name);
    for (char *p = path + strlen(dir->path) + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        (void)mkdir(path, 0777);
        *p = '/';
    }
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, n, file) != n || fclose(file) != 0)
        abort();
    return tempdir_path(dir, name);
}

static inline const char *tempdir_write(const struct tempdir *dir, const char *name,
                                        const char *text)
{
    return tempdir_write_n(dir, name, text, strlen(text));
}

#endif

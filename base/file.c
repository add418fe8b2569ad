#include "base/file.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err_code open_regular(const char *path, int *fd, size_t *size, struct err *e)
{
    struct stat st;
    *size = 0;
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        return err_set_errno(e, errno, path, "cannot open");
    if (fstat(*fd, &st) != 0) {
        int errnum = errno;
        close(*fd);
        return err_set_errno(e, errnum, path, "cannot stat");
    }
    if (!S_ISREG(st.st_mode)) {
        close(*fd);
        return err_set(e, ERR_FORMAT, "%s: not a regular file", path);
    }
    *size = (size_t)st.st_size;
    return ERR_OK;
}

static enum err_code read_all(int fd, const char *path, uint8_t *buf, size_t size,
                              struct err *e)
{
    for (size_t got = 0; got < size;) {
        ssize_t n = read(fd, buf + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_errno(e, errno, path, "cannot read");
        if (n == 0)
            return err_set(e, ERR_IO, "%s: ends after %zu bytes, expected %zu", path, got,
                           size);
        got += (size_t)n;
    }
    return ERR_OK;
}

enum err_code file_read(const char *path, size_t max, struct file_bytes *out,
                        struct err *e)
{
    int fd;
    size_t size;
    enum err_code rc = open_regular(path, &fd, &size, e);
    if (rc != ERR_OK)
        return rc;
    uint8_t *buf = size > max ? NULL : malloc(size + 1);
    if (size > max)
        rc =
            err_set(e, ERR_LIMIT, "%s: %zu bytes, expected at most %zu", path, size, max);
    else if (!buf)
        rc = err_set(e, ERR_NOMEM, "%s: no memory for %zu bytes", path, size);
    else
        rc = read_all(fd, path, buf, size, e);
    close(fd);
    if (!buf || rc != ERR_OK) {
        free(buf);
        return rc;
    }
    buf[size] = 0; // so that text files can be read as C strings
    *out = (struct file_bytes){buf, size, false};
    return ERR_OK;
}

enum err_code file_map(const char *path, struct file_bytes *out, struct err *e)
{
    int fd;
    size_t size;
    enum err_code rc = open_regular(path, &fd, &size, e);
    if (rc != ERR_OK)
        return rc;
    if (size == 0) {
        close(fd);
        *out = (struct file_bytes){(const uint8_t *)"", 0, true};
        return ERR_OK;
    }
    void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    int errnum = errno;
    close(fd);
    if (map == MAP_FAILED)
        return err_set_errno(e, errnum, path, "cannot map");
    *out = (struct file_bytes){map, size, true};
    return ERR_OK;
}

void file_bytes_release(struct file_bytes *bytes)
{
    if (bytes->mapped && bytes->len)
        munmap((void *)(uintptr_t)bytes->data, bytes->len);
    else if (!bytes->mapped)
        free((void *)(uintptr_t)bytes->data);
    *bytes = (struct file_bytes){0};
}

// mkstemp would make a file that only its owner may read, and the umask to widen it by
// cannot be asked for without changing it under the other threads.
static int open_temp(const char *path, char **temp)
{
    static atomic_uint serial;
    for (;;) {
        *temp = mem_printf("%s.tmp-%ld-%u", path, (long)getpid(),
                           atomic_fetch_add(&serial, 1));
        int fd = open(*temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST)
            return fd;
        free(*temp);
    }
}

// A device or a pipe, such as /dev/null: it takes what is written as it comes, and no
// file may come to be in its place.
static bool is_sink(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

// Where a symbolic link leads, so that it stays one: /dev/stdout is such a link.
static char *without_links(const char *path)
{
    char *real = realpath(path, NULL);
    return real ? real : mem_dup(path);
}

enum err_code file_out_open(struct file_out *out, const char *path, bool force,
                            struct err *e)
{
    bool sink = is_sink(path);
    if (!force && !sink && file_exists(path))
        return err_set(e, ERR_EXISTS, "%s: exists already; --force replaces it", path);
    char *target = sink ? mem_dup(path) : without_links(path), *temp = NULL;
    int fd = sink ? open(path, O_WRONLY | O_CLOEXEC) : open_temp(target, &temp);
    FILE *stream = fd < 0 ? NULL : fdopen(fd, "wb");
    if (stream) {
        *out = (struct file_out){stream, target, temp};
        return ERR_OK;
    }
    enum err_code rc = err_set_errno(e, errno, path, "cannot create");
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && temp)
        (void)unlink(temp);
    free(target);
    free(temp);
    return rc;
}

static enum err_code commit(struct file_out *out, bool sync, struct err *e)
{
    int errnum = 0;
    if (ferror(out->stream) || fflush(out->stream) != 0)
        errnum = errno ? errno : EIO;
    if (!errnum && sync && fsync(fileno(out->stream)) != 0 && errno != EINVAL)
        errnum = errno;
    if (fclose(out->stream) != 0 && !errnum)
        errnum = errno;
    out->stream = NULL;
    if (!errnum && out->temp && rename(out->temp, out->path) != 0)
        errnum = errno;
    enum err_code rc = ERR_OK;
    if (errnum)
        rc = err_set_errno(e, errnum, out->path, "cannot write");
    else if (out->temp)
        out->temp[0] = '\0';
    file_out_discard(out);
    return rc;
}

enum err_code file_out_commit(struct file_out *out, struct err *e)
{
    return commit(out, true, e);
}

enum err_code file_out_commit_unsynced(struct file_out *out, struct err *e)
{
    return commit(out, false, e);
}

void file_out_discard(struct file_out *out)
{
    if (out->stream)
        (void)fclose(out->stream);
    if (out->temp && out->temp[0])
        (void)unlink(out->temp);
    free(out->temp);
    free(out->path);
    *out = (struct file_out){0};
}

bool file_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

enum err_code file_make_dirs(const char *path, struct err *e)
{
    // The usual case of many files in few folders; a mkdir that fails locks all the same.
    if (file_is_dir(path))
        return ERR_OK;
    char *copy = mem_dup(path);
    enum err_code rc = ERR_OK;
    for (char *p = copy + 1; rc == ERR_OK; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char end = *p;
        *p = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            rc = err_set_errno(e, errno, copy, "cannot create folder");
        else if (!file_is_dir(copy))
            rc = err_set(e, ERR_EXISTS, "%s: is a file, expected a folder", copy);
        *p = end;
        if (end == '\0')
            break;
    }
    free(copy);
    return rc;
}

// Folds "a/./b", "a//b" and "a/../b"; out starts with '/'.
static void fold_path(const char *path, struct str *out)
{
    for (const char *p = path; *p;) {
        while (*p == '/')
            p++;
        size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.') {
            while (out->len && out->data[--out->len] != '/') {
            }
            if (out->data)
                out->data[out->len] = '\0';
        } else if (n && !(n == 1 && p[0] == '.')) {
            str_add_char(out, '/');
            str_add_n(out, p, n);
        }
        p += n;
    }
    if (out->len == 0)
        str_add_char(out, '/');
}

char *file_absolute(const char *path)
{
    struct str joined = {0}, folded = {0};
    if (path[0] != '/') {
        char *cwd = getcwd(NULL, 0);
        str_add(&joined, cwd ? cwd : "");
        free(cwd);
        str_add_char(&joined, '/');
    }
    str_add(&joined, path);
    fold_path(str_get(&joined), &folded);
    str_release(&joined);
    return str_detach(&folded);
}

char *file_xdg(const char *var, const char *fallback)
{
    const char *base = getenv(var);
    if (base && base[0] == '/')
        return mem_printf("%s/xlens", base);
    const char *home = getenv("HOME");
    return mem_printf("%s/%s/xlens", home && home[0] ? home : "/tmp", fallback);
}

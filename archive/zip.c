#include "archive/archive.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>

struct zip_reader {
    zip_t *zip;
    char *path;
    uint64_t file_size;
};

static enum err_code open_failed(const char *path, int code, struct err *e)
{
    zip_error_t error;
    int errnum = errno;
    zip_error_init_with_code(&error, code);
    bool system = zip_error_system_type(&error) == ZIP_ET_SYS;
    enum err_code rc;
    if (code == ZIP_ER_NOENT)
        rc = err_set_errno(e, ENOENT, path, "cannot open");
    else if (system && errnum)
        rc = err_set_errno(e, errnum, path, "cannot open");
    else
        rc = err_set(e, ERR_FORMAT, "%s: %s, expected a zip archive", path,
                     zip_error_strerror(&error));
    zip_error_fini(&error);
    return rc;
}

enum err_code arc_zip_open(const char *path, struct zip_reader **out, struct err *e)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return err_set_errno(e, errno, path, "cannot open");
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_FORMAT, "%s: not a regular file", path);
    int code = 0;
    errno = 0;
    zip_t *zip = zip_open(path, ZIP_RDONLY, &code);
    if (!zip)
        return open_failed(path, code, e);
    *out = mem_new(sizeof **out);
    **out = (struct zip_reader){zip, mem_dup(path), (uint64_t)st.st_size};
    return ERR_OK;
}

void arc_zip_close(struct zip_reader *zip)
{
    if (!zip)
        return;
    zip_discard(zip->zip);
    free(zip->path);
    free(zip);
}

size_t arc_zip_count(const struct zip_reader *zip)
{
    zip_int64_t n = zip_get_num_entries(zip->zip, 0);
    return n < 0 ? 0 : (size_t)n;
}

const char *arc_zip_name(const struct zip_reader *zip, size_t i)
{
    const char *name = zip_get_name(zip->zip, i, 0);
    return name ? name : "";
}

ptrdiff_t arc_zip_find(const struct zip_reader *zip, const char *name)
{
    return (ptrdiff_t)zip_name_locate(zip->zip, name, 0);
}

// Deflate cannot expand more than 1032 times, so a larger claim is a lie that would only
// cost memory. Compressed sizes that exceed the file are lies as well.
static bool size_is_possible(const struct zip_reader *zip, const zip_stat_t *st)
{
    if (st->comp_size > zip->file_size)
        return false;
    return st->comp_method == ZIP_CM_STORE ? st->size == st->comp_size
                                           : st->size / 1032 <= st->comp_size;
}

static enum err_code read_member(struct zip_reader *zip, size_t i, const zip_stat_t *st,
                                 uint8_t *data, struct err *e)
{
    zip_file_t *file = zip_fopen_index(zip->zip, i, 0);
    if (!file)
        return err_set(e, ERR_FORMAT, "%s: member %s: %s", zip->path, st->name,
                       zip_strerror(zip->zip));
    uint64_t got = 0;
    while (got < st->size) {
        zip_int64_t n = zip_fread(file, data + got, st->size - got);
        if (n <= 0)
            break;
        got += (uint64_t)n;
    }
    // The checksum is compared when the end has been seen.
    uint8_t past;
    bool good = got == st->size && zip_fread(file, &past, 1) == 0;
    enum err_code rc = ERR_OK;
    if (!good)
        rc = err_set(e, ERR_FORMAT, "%s: member %s is damaged at byte %llu of %llu: %s",
                     zip->path, st->name, (unsigned long long)got,
                     (unsigned long long)st->size, zip_file_strerror(file));
    (void)zip_fclose(file);
    return rc;
}

enum err_code arc_zip_read(struct zip_reader *zip, size_t i, size_t max, uint8_t **data,
                           size_t *len, struct err *e)
{
    const zip_uint64_t need =
        ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    zip_stat_t st;
    if (zip_stat_index(zip->zip, i, 0, &st) != 0 || (st.valid & need) != need)
        return err_set(e, ERR_FORMAT, "%s: member %zu has no size: %s", zip->path, i,
                       zip_strerror(zip->zip));
    if (st.size > max)
        return err_set(e, ERR_LIMIT, "%s: member %s has %llu bytes, expected at most %zu",
                       zip->path, st.name, (unsigned long long)st.size, max);
    if (!size_is_possible(zip, &st))
        return err_set(e, ERR_FORMAT,
                       "%s: member %s claims %llu bytes in %llu, which cannot be",
                       zip->path, st.name, (unsigned long long)st.size,
                       (unsigned long long)st.comp_size);
    uint8_t *bytes = malloc((size_t)st.size + 1);
    if (!bytes)
        return err_set(e, ERR_NOMEM, "%s: no memory for the %llu bytes of %s", zip->path,
                       (unsigned long long)st.size, st.name);
    enum err_code rc = read_member(zip, i, &st, bytes, e);
    if (rc != ERR_OK) {
        free(bytes);
        return rc;
    }
    bytes[st.size] = 0;
    *data = bytes;
    *len = (size_t)st.size;
    return ERR_OK;
}

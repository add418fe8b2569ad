#include "pipeline/infer.h"

#include "pipeline/infer_name.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *infer_name(const struct ds *ds, size_t place)
{
    const char *base = str_basename(ds_item(ds, place)->name);
    return mem_printf("%08zu_%.*s.npz", place, (int)str_stem_len(base), base);
}

// The name of a result, or (*leftover) of one that was being written.
static bool belongs(const struct ds *ds, const char *entry, bool *leftover)
{
    char *end;
    *leftover = false;
    size_t digits = strspn(entry, "0123456789");
    if (digits < 8 || digits > 18 || entry[digits] != '_')
        return false;
    size_t place = strtoull(entry, &end, 10);
    if (place >= ds_count(ds))
        return false;
    char *name = infer_name(ds, place);
    size_t n = strlen(name);
    bool ours = strncmp(entry, name, n) == 0;
    *leftover = ours && str_starts_with(entry + n, ".tmp-");
    ours = ours && (entry[n] == '\0' || *leftover);
    free(name);
    return ours;
}

static enum err_code check_entry(const struct ds *ds, const char *out, const char *entry,
                                 struct err *e)
{
    bool leftover;
    if (!belongs(ds, entry, &leftover))
        return err_set(e, ERR_EXISTS,
                       "%s: holds %s, expected an empty folder or results of the same "
                       "datalist",
                       out, entry);
    if (leftover) {
        char *path = mem_printf("%s/%s", out, entry);
        (void)unlink(path);
        free(path);
    }
    return ERR_OK;
}

enum err_code pipe_infer_folder(const struct ds *ds, const char *out, struct err *e)
{
    enum err_code rc = file_make_dirs(out, e);
    if (rc != ERR_OK)
        return rc;
    DIR *dir = opendir(out);
    if (!dir)
        return err_set_errno(e, errno, out, "cannot read");
    for (struct dirent *entry; rc == ERR_OK && (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = check_entry(ds, out, entry->d_name, e);
    closedir(dir);
    return rc;
}

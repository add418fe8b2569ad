#include "dataset/source/scan.h"

#include "base/mem.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_DEPTH = 32 };

// A folder found and, once it has been opened, its identity.
struct folder {
    const char *name; // relative to the root, "" for the root
    size_t parent;
    int depth;
    dev_t dev;
    ino_t ino;
};

struct walk {
    struct ds *ds;
    struct scan *scan;
    struct folder *folders; // all ever found; those from `next` on are to be read
    size_t count, cap, next;
    struct str path;
};

bool ds_is_picture(const char *name)
{
    return str_ends_with_nocase(name, ".jpeg") || str_ends_with_nocase(name, ".jpg") ||
           str_ends_with_nocase(name, ".png");
}

// The name of an entry relative to the root, left in walk->path.
static const char *entry_name(struct walk *walk, const char *entry)
{
    str_clear(&walk->path);
    const char *folder = walk->folders[walk->next].name;
    if (*folder) {
        str_add(&walk->path, folder);
        str_add_char(&walk->path, '/');
    }
    str_add(&walk->path, entry);
    return walk->path.data;
}

static enum err_code add_folder(struct walk *walk, const char *name, struct err *e)
{
    size_t parent = walk->next;
    int depth = walk->count ? walk->folders[parent].depth + 1 : 0;
    if (depth > MAX_DEPTH)
        return err_set(e, ERR_LIMIT, "%s/%s: folders nested deeper than %d",
                       walk->ds->root, name, MAX_DEPTH);
    const char *copy = set_text(walk->ds, name, strlen(name));
    struct scan *scan = walk->scan;
    if (!copy ||
        !mem_grow(&walk->folders, &walk->cap, walk->count + 1, sizeof *walk->folders) ||
        !mem_grow(&scan->dirs, &scan->dir_cap, scan->dir_count + 1, sizeof *scan->dirs))
        return err_set(e, ERR_NOMEM, "%s: no memory for its folders", walk->ds->root);
    walk->folders[walk->count++] = (struct folder){copy, parent, depth, 0, 0};
    if (depth == 1)
        scan->dirs[scan->dir_count++] = copy;
    return ERR_OK;
}

// A link to a folder above itself would be walked for ever.
static bool is_loop(const struct walk *walk)
{
    const struct folder *folder = &walk->folders[walk->next];
    for (const struct folder *up = folder; up->depth > 0;) {
        up = &walk->folders[up->parent];
        if (up->dev == folder->dev && up->ino == folder->ino)
            return true;
    }
    return false;
}

// DT_DIR, DT_REG or anything else; asks the file system only where readdir did not say.
static unsigned char entry_type(DIR *dir, const struct dirent *entry)
{
    struct stat st;
    if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK)
        return entry->d_type;
    // A dangling link with a picture's name stays an item that fails when it is opened.
    if (fstatat(dirfd(dir), entry->d_name, &st, 0) != 0)
        return DT_REG;
    return S_ISDIR(st.st_mode) ? DT_DIR : S_ISREG(st.st_mode) ? DT_REG : DT_UNKNOWN;
}

static enum err_code add_entry(struct walk *walk, DIR *dir, const struct dirent *entry,
                               struct err *e)
{
    if (entry->d_name[0] == '.')
        return ERR_OK;
    bool picture = ds_is_picture(entry->d_name);
    if (entry->d_type == DT_REG && !picture)
        return ERR_OK;
    unsigned char type = entry_type(dir, entry);
    if (type == DT_DIR)
        return add_folder(walk, entry_name(walk, entry->d_name), e);
    if (type != DT_REG || !picture)
        return ERR_OK;
    const char *name = entry_name(walk, entry->d_name);
    return set_add(walk->ds, name, walk->path.len, -1, e);
}

static enum err_code read_folder(struct walk *walk, struct err *e)
{
    struct folder *folder = &walk->folders[walk->next];
    char *path =
        mem_printf("%s%s%s", walk->ds->root, *folder->name ? "/" : "", folder->name);
    enum err_code rc = ERR_OK;
    struct stat st;
    DIR *dir = opendir(path);
    if (!dir || fstat(dirfd(dir), &st) != 0) {
        rc = err_set_errno(e, errno, path, "cannot list");
        goto out;
    }
    folder->dev = st.st_dev;
    folder->ino = st.st_ino;
    if (is_loop(walk))
        goto out;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry)
            break;
        TRY(add_entry(walk, dir, entry, e));
    }
    if (errno != 0)
        rc = err_set_errno(e, errno, path, "cannot list");
out:
    if (dir)
        closedir(dir);
    free(path);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    const struct ds_item *left = a, *right = b;
    return strcmp(left->name, right->name);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum err_code scan_folder(struct ds *ds, struct scan *scan, struct err *e)
{
    struct walk walk = {.ds = ds, .scan = scan};
    enum err_code rc = ERR_OK;
    TRY(add_folder(&walk, "", e));
    for (; walk.next < walk.count; walk.next++)
        TRY(read_folder(&walk, e));
    if (ds->count)
        qsort(ds->items, ds->count, sizeof *ds->items, by_name);
    if (scan->dir_count)
        qsort(scan->dirs, scan->dir_count, sizeof *scan->dirs, by_text);
out:
    free(walk.folders);
    str_release(&walk.path);
    return rc;
}

void scan_release(struct scan *scan)
{
    free(scan->dirs);
    *scan = (struct scan){0};
}

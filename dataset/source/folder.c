#include "dataset/source/scan.h"
#include "dataset/source/set.h"
#include "dataset/text.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

enum { WNID_LEN = 9 };

static size_t folder_len(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? (size_t)(slash - name) : 0;
}

// Every picture lies in one and the same folder.
static bool is_flat(const struct ds *ds)
{
    const char *first = ds->items[0].name;
    size_t len = folder_len(first);
    for (size_t i = 1; i < ds->count; i++) {
        const char *name = ds->items[i].name;
        if (folder_len(name) != len || memcmp(name, first, len) != 0)
            return false;
    }
    return true;
}

// val_label.txt in the root, one level above or one level below; NULL when none is there.
static char *find_val_label(const struct ds *ds, const struct scan *scan)
{
    char *path = mem_printf("%s/val_label.txt", ds->root);
    if (file_exists(path))
        return path;
    free(path);
    path = mem_printf("%.*s/val_label.txt", (int)folder_len(ds->root), ds->root);
    if (file_exists(path))
        return path;
    free(path);
    for (size_t i = 0; i < scan->dir_count; i++) {
        path = mem_printf("%s/%s/val_label.txt", ds->root, scan->dirs[i]);
        if (file_exists(path))
            return path;
        free(path);
    }
    return NULL;
}

static enum err_code try_val_label(struct ds *ds, const struct scan *scan,
                                   const struct ds_opts *opts, bool *fits, struct err *e)
{
    size_t matched = 0;
    enum err_code rc = ERR_OK;
    char *path = NULL;
    if (opts->val_label)
        path = mem_dup(opts->val_label);
    else if (is_flat(ds))
        path = find_val_label(ds, scan);
    if (path)
        rc = set_apply_val_label(ds, path, opts, &matched, e);
    if (rc == ERR_OK && opts->val_label && matched == 0)
        rc = err_set(e, ERR_FORMAT, "%s: names none of the %zu pictures in %s", path,
                     ds->count, ds->root);
    free(path);
    *fits = matched > 0;
    return rc;
}

// Class of a WordNet id. Labels without ids (a name a line) for the same thousand classes
// are in the same order.
static int wnid_class(const struct labels *labels, const char *wnid)
{
    const struct labels *imagenet = labels_imagenet();
    if (!labels_wnid(labels, 0) && labels_count(labels) == labels_count(imagenet))
        labels = imagenet;
    return labels_find_wnid(labels, wnid);
}

// The deepest folder of a name that is a WordNet id, or NULL.
static const char *wnid_folder(const char *name)
{
    const char *found = NULL;
    for (const char *slash; (slash = strchr(name, '/')); name = slash + 1)
        if (slash - name == WNID_LEN && text_is_wnid(name))
            found = name;
    return found;
}

static const char *wnid_file(const char *name)
{
    const char *base = str_basename(name);
    return text_is_wnid(base) && base[WNID_LEN] == '_' ? base : NULL;
}

// Labels every picture whose name holds a WordNet id that the labels know.
static bool label_by_wnid(struct ds *ds, const struct labels *labels,
                          const char *(*find)(const char *name))
{
    char last[WNID_LEN + 1] = "";
    int label = -1;
    bool any = false;
    for (size_t i = 0; i < ds->count; i++) {
        const char *wnid = find(ds->items[i].name);
        if (!wnid)
            continue;
        if (memcmp(wnid, last, WNID_LEN) != 0) {
            memcpy(last, wnid, WNID_LEN);
            label = wnid_class(labels, last);
        }
        ds->items[i].label = label;
        any |= label >= 0;
    }
    return any;
}

// Folders 0, 1, … 10 mean what they say: sorted, "10" would come before "2".
static bool are_numbers(const struct scan *scan)
{
    for (size_t i = 0; i < scan->dir_count; i++)
        if (!text_is_number(scan->dirs[i]) || strlen(scan->dirs[i]) > 8)
            return false;
    return true;
}

// Class of each folder: its place in the labels given, or else in sorted order.
static enum err_code name_folders(struct ds *ds, const struct scan *scan,
                                  const struct labels *labels, int *class_of,
                                  struct err *e)
{
    bool numbers = !labels && are_numbers(scan);
    for (size_t i = 0; i < scan->dir_count; i++) {
        const char *dir = scan->dirs[i];
        long number;
        class_of[i] = (int)i;
        if (numbers && str_to_long(dir, &number))
            class_of[i] = (int)number;
        else if (labels)
            class_of[i] = labels_find_name(labels, dir);
        if (class_of[i] == -2)
            return err_set(e, ERR_FORMAT,
                           "%s/%s: several classes bear this name, expected folders "
                           "named by WordNet id",
                           ds->root, dir);
    }
    if (!labels && !numbers)
        ds->own = labels_new(scan->dirs, NULL, (int)scan->dir_count);
    return ERR_OK;
}

static bool label_by_folder(struct ds *ds, const struct scan *scan, const int *class_of)
{
    bool any = false;
    size_t dir = 0;
    for (size_t i = 0; i < ds->count; i++) {
        const char *name = ds->items[i].name;
        size_t len = strcspn(name, "/");
        // Pictures and folders are in the same order but for names that one begins with
        // another, so this seldom goes round.
        while (strncmp(scan->dirs[dir], name, len) != 0 || scan->dirs[dir][len])
            dir = (dir + 1) % scan->dir_count;
        ds->items[i].label = class_of[dir];
        any |= class_of[dir] >= 0;
    }
    return any;
}

static enum err_code try_named_folders(struct ds *ds, const struct scan *scan,
                                       const struct ds_opts *opts, bool *fits,
                                       struct err *e)
{
    *fits = false;
    for (size_t i = 0; i < ds->count; i++)
        if (!strchr(ds->items[i].name, '/'))
            return ERR_OK;
    // One folder of pictures is no classification, unless the labels know its name.
    if (scan->dir_count < 2 && !opts->labels)
        return ERR_OK;
    int *class_of = mem_array(scan->dir_count, sizeof *class_of);
    if (!class_of)
        return err_set(e, ERR_NOMEM, "%s: no memory for its folders", ds->root);
    enum err_code rc = name_folders(ds, scan, opts->labels, class_of, e);
    if (rc == ERR_OK)
        *fits = label_by_folder(ds, scan, class_of);
    free(class_of);
    return rc;
}

enum err_code set_read_folder(struct ds *ds, const struct ds_opts *opts, struct err *e)
{
    struct scan scan = {0};
    enum err_code rc = ERR_OK;
    bool fits;
    TRY(scan_folder(ds, &scan, e));
    if (ds->count == 0)
        goto out;
    ds->shape = DS_FLAT_VAL;
    TRY(try_val_label(ds, &scan, opts, &fits, e));
    if (fits)
        goto out;
    ds->shape = DS_WNID_FOLDERS;
    if (label_by_wnid(ds, set_labels(opts), wnid_folder))
        goto out;
    ds->shape = DS_NAMED_FOLDERS;
    TRY(try_named_folders(ds, &scan, opts, &fits, e));
    if (fits)
        goto out;
    ds->shape = DS_WNID_FILES;
    if (label_by_wnid(ds, set_labels(opts), wnid_file))
        goto out;
    ds->shape = DS_PLAIN;
out:
    scan_release(&scan);
    return rc;
}

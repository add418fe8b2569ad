#include "dataset/source/set.h"

#include "dataset/source/scan.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 1 << 20 };

const char *set_text(struct ds *ds, const char *text, size_t len)
{
    if (ds->block_count == 0 || BLOCK_BYTES - ds->block_used <= len) {
        size_t size = len < BLOCK_BYTES ? BLOCK_BYTES : len + 1;
        if (!mem_grow(&ds->blocks, &ds->block_cap, ds->block_count + 1,
                      sizeof *ds->blocks) ||
            !(ds->blocks[ds->block_count] = malloc(size)))
            return NULL;
        ds->block_count++;
        ds->block_used = 0;
    }
    char *copy = ds->blocks[ds->block_count - 1] + ds->block_used;
    memcpy(copy, text, len);
    copy[len] = '\0';
    ds->block_used += len < BLOCK_BYTES ? len + 1 : BLOCK_BYTES;
    return copy;
}

enum err_code set_add(struct ds *ds, const char *name, size_t len, int label,
                      struct err *e)
{
    const char *copy = set_text(ds, name, len);
    if (!copy || !mem_grow(&ds->items, &ds->cap, ds->count + 1, sizeof *ds->items))
        return err_set(e, ERR_NOMEM, "%s: no memory for picture %zu", ds->root,
                       ds->count + 1);
    ds->items[ds->count++] = (struct ds_item){copy, label};
    return ERR_OK;
}

const struct labels *set_labels(const struct ds_opts *opts)
{
    return opts->labels ? opts->labels : labels_imagenet();
}

int set_first_class(const struct ds_opts *opts)
{
    const struct labels *labels = set_labels(opts);
    return !labels_wnid(labels, 0) && labels_wnid(labels, 1);
}

// Cuts the last component off an absolute path.
static char *parent_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == path ? mem_dup("/") : mem_dup_n(path, (size_t)(slash - path));
}

static enum err_code read_source(struct ds *ds, const char *path,
                                 const struct ds_opts *opts, struct err *e)
{
    if (file_is_dir(path)) {
        ds->base = mem_dup(ds->root);
        return set_read_folder(ds, opts, e);
    }
    if (!file_exists(path))
        return err_set(e, ERR_MISSING, "%s: no such file or folder, expected a dataset",
                       path);
    ds->base = parent_folder(ds->root);
    if (ds_is_picture(path)) {
        ds->shape = DS_FILES;
        return set_add(ds, ds->root, strlen(ds->root), -1, e);
    }
    return str_ends_with_nocase(path, ".csv") ? set_read_csv(ds, opts, e)
                                              : set_read_datalist(ds, opts, e);
}

enum err_code ds_open(const char *path, const struct ds_opts *opts, struct ds **out,
                      struct err *e)
{
    static const struct ds_opts none;
    struct ds *ds = mem_new(sizeof *ds);
    ds->root = file_absolute(path);
    enum err_code rc = read_source(ds, path, opts ? opts : &none, e);
    if (rc == ERR_OK && ds->count == 0)
        rc = err_set(e, ERR_MISSING, "%s: no pictures in it, expected %s", path,
                     file_is_dir(path) ? "files ending in .jpeg, .jpg or .png"
                                       : "lines that name some");
    if (rc != ERR_OK) {
        ds_close(ds);
        return rc;
    }
    for (size_t i = 0; i < ds->count; i++)
        ds->labelled += ds->items[i].label >= 0;
    *out = ds;
    return ERR_OK;
}

struct ds *ds_open_files(char *const *paths, size_t n)
{
    struct ds *ds = mem_new(sizeof *ds);
    ds->shape = DS_FILES;
    ds->root = file_absolute(".");
    ds->base = mem_dup(ds->root);
    ds->items = mem_new(n * sizeof *ds->items);
    for (size_t i = 0; i < n; i++)
        if (set_add(ds, paths[i], strlen(paths[i]), -1, NULL) != ERR_OK)
            abort(); // a command line that fits in memory does so twice
    return ds;
}

void ds_close(struct ds *ds)
{
    if (!ds)
        return;
    for (size_t i = 0; i < ds->block_count; i++)
        free(ds->blocks[i]);
    free(ds->blocks);
    free(ds->items);
    labels_close(ds->own);
    free(ds->root);
    free(ds->base);
    free(ds);
}

size_t ds_count(const struct ds *ds)
{
    return ds->count;
}

const struct ds_item *ds_item(const struct ds *ds, size_t i)
{
    return &ds->items[i];
}

enum ds_shape ds_shape(const struct ds *ds)
{
    return ds->shape;
}

const char *ds_shape_name(enum ds_shape shape)
{
    static const char *const names[] = {
        [DS_CSV] = "csv",
        [DS_DATALIST] = "datalist",
        [DS_FLAT_VAL] = "flat validation folder",
        [DS_WNID_FOLDERS] = "folders by WordNet id",
        [DS_NAMED_FOLDERS] = "folders by name",
        [DS_WNID_FILES] = "files named by WordNet id",
        [DS_PLAIN] = "plain folder",
        [DS_FILES] = "files",
    };
    return names[shape];
}

size_t ds_labelled(const struct ds *ds)
{
    return ds->labelled;
}

const char *ds_root(const struct ds *ds)
{
    return ds->root;
}

char *ds_path(const struct ds *ds, size_t i)
{
    const char *name = ds->items[i].name;
    return name[0] == '/' ? mem_dup(name) : mem_printf("%s/%s", ds->base, name);
}

const struct labels *ds_own_labels(const struct ds *ds)
{
    return ds->own;
}

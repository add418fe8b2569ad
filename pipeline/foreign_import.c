// A text is read twice: first to see that every line is good, what the classes are and
// how many pictures there are, then to store them, so that the database is locked for no
// longer than that takes.

#include "pipeline/foreign.h"

#include "cache/cache.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct importing {
    const struct foreign_import *what;
    struct foreign_imported *result;
    foreign_error_fn *on_error;
    void *ctx;
    char **names; // results as they are called: of the folder, or without a set
    size_t name_count, name_cap;
    const struct labels *labels;
    int classes;
    bool told; // the file says how many classes there are
    const struct ds *ds;
    struct ds *own_ds; // of names
    struct foreign_index *index;
    long *holders; // line (or number) of the result that each picture has, 0
    size_t at;     // number of the result at hand
    size_t text_rows;
    struct cache *cache;
};

static enum err_code add_name(struct importing *im, const char *name, struct err *e)
{
    if (!mem_grow(&im->names, &im->name_cap, im->name_count + 1, sizeof *im->names))
        return err_set(e, ERR_NOMEM, "%s: no memory for its names", im->what->path);
    im->names[im->name_count++] = mem_dup(name);
    return ERR_OK;
}

// One more result of so many.
static enum err_code pace(const struct importing *im, size_t done, size_t total,
                          struct err *e)
{
    const struct foreign_import *what = im->what;
    progress_tell(&what->progress, done, total);
    return what->cancel && atomic_load(what->cancel)
               ? err_set(e, ERR_INTERRUPTED, "interrupted; nothing was stored")
               : ERR_OK;
}

// ---- seeing what there is ----

static const char *labels_name(const struct importing *im)
{
    return im->labels == labels_imagenet() ? "ImageNet" : "the class names";
}

static enum err_code check_classes(struct importing *im, const char *name, int classes,
                                   struct err *e)
{
    if (!im->told && !im->what->labels)
        im->classes = classes;
    im->told = true;
    if (classes == im->classes)
        return ERR_OK;
    return err_set(e, ERR_FORMAT, "%s: %d classes, but %d in %s", name, classes,
                   im->classes, im->what->labels ? "the class names" : "the first one");
}

static enum err_code check_row(struct importing *im, const struct foreign_found *found,
                               struct err *e)
{
    const struct row *row = &found->row;
    const char *path = im->what->path;
    for (int k = 0; k < row->count; k++) {
        if (row->top[k] >= im->classes)
            return err_set(e, ERR_FORMAT, "%s:%ld: class %d, but %s have %d", path,
                           found->line, row->top[k], labels_name(im), im->classes);
        if (!(row->prob[k] >= 0 && row->prob[k] <= 1))
            return err_set(e, ERR_FORMAT,
                           "%s:%ld: %g is no probability, expected 0 to 1 (the output "
                           "of a network without softmax)",
                           path, found->line, (double)row->prob[k]);
    }
    if (row->label >= im->classes)
        return err_set(e, ERR_FORMAT, "%s:%ld: label %d, but %s have %d classes", path,
                       found->line, row->label, labels_name(im), im->classes);
    return ERR_OK;
}

static enum err_code see_row(void *ctx, const struct foreign_found *found, struct err *e)
{
    struct importing *im = ctx;
    enum err_code rc = ERR_OK;
    im->text_rows++;
    if (found->classes) {
        char *place = mem_printf("%s:%ld", im->what->path, found->line);
        rc = check_classes(im, place, found->classes, e);
        free(place);
    }
    if (rc == ERR_OK)
        rc = check_row(im, found, e);
    if (rc == ERR_OK && !im->what->ds)
        rc = add_name(im, found->row.file, e);
    return rc == ERR_OK ? pace(im, im->text_rows, 0, e) : rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum err_code list_folder(struct importing *im, struct err *e)
{
    enum err_code rc = ERR_OK;
    DIR *dir = opendir(im->what->path);
    if (!dir)
        return err_set_errno(e, errno, im->what->path, "cannot read");
    for (struct dirent *entry; rc == ERR_OK && (entry = readdir(dir));)
        if (entry->d_name[0] != '.' && str_ends_with_nocase(entry->d_name, ".npz"))
            rc = add_name(im, entry->d_name, e);
    closedir(dir);
    if (rc == ERR_OK && im->name_count == 0)
        rc = err_set(e, ERR_MISSING, "%s: holds no result npz", im->what->path);
    if (rc == ERR_OK && im->name_count)
        qsort(im->names, im->name_count, sizeof *im->names, by_name);
    return rc;
}

// The first one that can be read says how many classes there are.
static enum err_code see_folder(struct importing *im, struct err *e)
{
    enum err_code rc = list_folder(im, e);
    for (size_t i = 0; rc == ERR_OK && i < im->name_count && !im->told; i++) {
        struct row row;
        int classes;
        char *path = mem_printf("%s/%s", im->what->path, im->names[i]);
        if (foreign_npz(path, &row, &classes, NULL) == ERR_OK)
            rc = check_classes(im, path, classes, e);
        free(path);
    }
    return rc;
}

static enum err_code see_all(struct importing *im, struct err *e)
{
    const struct foreign_import *what = im->what;
    enum err_code rc;
    im->labels = what->labels                          ? what->labels
                 : what->ds && ds_own_labels(what->ds) ? ds_own_labels(what->ds)
                                                       : labels_imagenet();
    im->classes = labels_count(im->labels);
    if (file_is_dir(what->path))
        TRY(see_folder(im, e));
    else
        TRY(foreign_each(what->path, im->labels, see_row, im, e));
    im->ds = what->ds;
    if (!im->ds) {
        im->own_ds = ds_open_files(im->names, im->name_count);
        im->ds = im->own_ds;
    }
    const struct ds_opts opts = {.ilsvrc_order = what->ilsvrc_order};
    if (im->own_ds && what->val_label)
        TRY(ds_label_from(im->own_ds, what->val_label, &opts, NULL, e));
    im->result->images = ds_count(im->ds);
    im->holders = mem_array(ds_count(im->ds), sizeof *im->holders);
    if (!im->holders)
        return err_set(e, ERR_NOMEM, "%s: no memory for its rows", what->path);
    if (what->ds)
        im->index = foreign_index_new(im->ds);
out:
    return rc;
}

// ---- the run ----

// A run of that name makes way when it is one that this import may replace.
static enum err_code make_way(struct importing *im, const char *dataset, struct err *e)
{
    const struct foreign_import *what = im->what;
    struct cache_run *runs;
    size_t n;
    enum err_code rc = cache_runs(im->cache, &runs, &n, e);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < n; i++) {
        const struct cache_run *run = &runs[i];
        bool same = strcmp(run->dataset, dataset) == 0;
        if (strcmp(run->name, what->name) != 0)
            continue;
        if (run->numeric_version != CACHE_FOREIGN)
            TRY(err_set(e, ERR_EXISTS,
                        "%s: run %s is an evaluation, expected another name for what is "
                        "imported",
                        what->db, what->name));
        if (!same && !what->force)
            TRY(err_set(e, ERR_EXISTS,
                        "%s: run %s is over %s; --force replaces it, another name keeps "
                        "it",
                        what->db, what->name, run->dataset));
        if (same && run->classes == im->classes)
            TRY(cache_run_clear(im->cache, run->id, e));
        else
            TRY(cache_run_remove(im->cache, run->id, e));
    }
out:
    cache_runs_release(runs, n);
    return rc;
}

static enum err_code keep_labels(struct importing *im, struct err *e)
{
    if (labels_count(im->labels) != im->classes)
        return ERR_OK; // nobody named them
    char *json = labels_to_json(im->labels);
    enum err_code rc =
        json ? cache_run_labels(im->cache, im->result->run, json, e) : ERR_OK;
    free(json);
    return rc;
}

static enum err_code begin_run(struct importing *im, struct err *e)
{
    const struct foreign_import *what = im->what;
    char *path = file_absolute(what->path);
    char *hash = mem_printf("foreign:%s", what->name);
    const char *dataset = what->ds ? ds_root(what->ds) : path;
    const struct cache_variant variant = {
        .model_hash = hash,
        .prep_key = "",
        .precision = "",
        .numeric_version = CACHE_FOREIGN,
        .model_path = path,
        .arch = "foreign",
        .classes = im->classes,
        .isa = "",
    };
    int64_t id;
    enum err_code rc;
    TRY(cache_open(what->db, true, &im->cache, e));
    TRY(cache_hold(im->cache, e));
    TRY(make_way(im, dataset, e));
    TRY(cache_variant_id(im->cache, &variant, &id, e));
    TRY(cache_run_open(im->cache, id, dataset, what->name, (int64_t)ds_count(im->ds),
                       &im->result->run, e));
    TRY(keep_labels(im, e));
out:
    free(path);
    free(hash);
    return rc;
}

// ---- storing ----

static int label_of(struct importing *im, size_t place, int said)
{
    const struct ds_item *item = ds_item(im->ds, place);
    int label = item->label;
    im->result->conflicts += label >= 0 && said >= 0 && label != said;
    if (label < 0)
        label = said;
    if (label < 0 && im->own_ds)
        label = foreign_folder_class(im->labels, item->name);
    return label;
}

// Content is not known: a picture stands for its name, in runs that were computed
// elsewhere only.
static enum err_code store(struct importing *im, size_t place, const struct row *said,
                           struct err *e)
{
    struct foreign_imported *result = im->result;
    struct row row = *said;
    row.file = ds_item(im->ds, place)->name;
    row.label = label_of(im, place, said->label);
    char *name = mem_printf("foreign:%s", row.file);
    struct cache_hash hash = cache_hash_bytes(name, strlen(name));
    free(name);
    result->rows++;
    result->failed += row.error != NULL;
    result->labelled += row_scored(&row);
    result->top1 += row_correct(&row);
    result->top5 += row_scored(&row) && row_rank(&row) >= 0;
    return cache_run_put(im->cache, result->run, (int64_t)place, &hash, &row, e);
}

// Where a result belongs; *place stays when it is of no picture of the set.
static enum err_code find_place(struct importing *im, const char *name, long line,
                                ptrdiff_t *place, struct err *e)
{
    *place = im->index ? foreign_index_find(im->index, name) : (ptrdiff_t)im->at;
    im->at++;
    if (*place < 0) {
        if (im->result->strangers++ == 0)
            (void)snprintf(im->result->stranger, sizeof im->result->stranger, "%s", name);
        return ERR_OK;
    }
    if (im->holders[*place])
        return err_set(e, ERR_FORMAT, "%s:%ld: %s, which number %ld is of as well",
                       im->what->path, line, ds_item(im->ds, (size_t)*place)->name,
                       im->holders[*place]);
    im->holders[*place] = line;
    return ERR_OK;
}

static enum err_code store_row(void *ctx, const struct foreign_found *found,
                               struct err *e)
{
    struct importing *im = ctx;
    ptrdiff_t place;
    enum err_code rc = find_place(im, found->row.file, found->line, &place, e);
    // A line without a class or an error is a picture that was not run.
    if (rc == ERR_OK)
        rc = pace(im, im->at, im->text_rows, e);
    if (rc != ERR_OK || place < 0 || (!found->row.count && !found->row.error))
        return rc;
    return store(im, (size_t)place, &found->row, e);
}

static enum err_code store_npz(struct importing *im, size_t i, struct err *e)
{
    struct row row = {.label = -1};
    struct err bad = {0};
    int classes = 0;
    ptrdiff_t place;
    enum err_code rc = find_place(im, im->names[i], (long)i + 1, &place, e);
    if (rc != ERR_OK || place < 0)
        return rc;
    char *path = mem_printf("%s/%s", im->what->path, im->names[i]);
    if (foreign_npz(path, &row, &classes, &bad) == ERR_OK)
        (void)check_classes(im, path, classes, &bad);
    if (bad.code != ERR_OK) {
        im->on_error(im->ctx, bad.msg);
        row = (struct row){.label = -1, .error = bad.msg};
    }
    rc = store(im, (size_t)place, &row, e);
    free(path);
    return rc;
}

static enum err_code store_folder(struct importing *im, struct err *e)
{
    enum err_code rc = ERR_OK;
    for (size_t i = 0; i < im->name_count && rc == ERR_OK; i++) {
        rc = store_npz(im, i, e);
        if (rc == ERR_OK)
            rc = pace(im, i + 1, im->name_count, e);
    }
    return rc;
}

static enum err_code store_all(struct importing *im, struct err *e)
{
    const char *path = im->what->path;
    enum err_code rc;
    if (file_is_dir(path))
        TRY(store_folder(im, e));
    else
        TRY(foreign_each(path, im->labels, store_row, im, e));
    if (im->result->strangers && im->result->rows == 0)
        TRY(err_set(e, ERR_FORMAT, "%s: %s: no result is called like a picture of %s",
                    path, im->result->stranger, ds_root(im->ds)));
    TRY(cache_run_finish(im->cache, im->result->run, e));
    TRY(cache_commit(im->cache, e));
out:
    return rc;
}

enum err_code foreign_import(const struct foreign_import *what,
                             foreign_error_fn *on_error, void *ctx,
                             struct foreign_imported *result, struct err *e)
{
    struct importing im = {
        .what = what, .result = result, .on_error = on_error, .ctx = ctx};
    enum err_code rc;
    *result = (struct foreign_imported){0};
    TRY(see_all(&im, e));
    TRY(begin_run(&im, e));
    TRY(store_all(&im, e));
out:
    cache_close(im.cache); // takes back what was not committed
    foreign_index_free(im.index);
    ds_close(im.own_ds);
    for (size_t i = 0; i < im.name_count; i++)
        free(im.names[i]);
    free(im.names);
    free(im.holders);
    return rc;
}

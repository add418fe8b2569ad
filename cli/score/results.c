#include "cli/score/results.h"

#include "cli/out/say.h"
#include "cli/run/parallel.h"

#include "pipeline/foreign.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// What was found, before it is known to what it belongs.
struct found {
    char *name;
    struct row row;
    int classes;
};

struct reading {
    const struct cli *cli;
    const struct results_spec *spec;
    struct found *all;
    size_t count, cap;
    pthread_mutex_t lock;
};

// ---- reading ----

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct found *)a)->name, ((const struct found *)b)->name);
}

static enum err_code list_folder(struct reading *r, struct err *e)
{
    enum err_code rc = ERR_OK;
    DIR *dir = opendir(r->spec->path);
    if (!dir)
        return err_set_errno(e, errno, r->spec->path, "cannot read");
    for (struct dirent *entry; rc == ERR_OK && (entry = readdir(dir));) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        // The scripts take every entry for a result.
        if (!r->spec->sorted && !str_ends_with_nocase(name, ".npz"))
            continue;
        if (!mem_grow(&r->all, &r->cap, r->count + 1, sizeof *r->all))
            rc = err_set(e, ERR_NOMEM, "%s: no memory for its names", r->spec->path);
        else
            r->all[r->count++] = (struct found){.name = mem_dup(name)};
    }
    closedir(dir);
    if (rc == ERR_OK && r->count == 0)
        rc = err_set(e, ERR_MISSING, "%s: holds no result npz", r->spec->path);
    return rc;
}

static void read_one(void *ctx, size_t i)
{
    struct reading *r = ctx;
    struct found *f = &r->all[i];
    struct err e = {0};
    char *path = mem_printf("%s/%s", r->spec->path, f->name);
    if (foreign_npz(path, &f->row, &f->classes, &e) != ERR_OK) {
        pthread_mutex_lock(&r->lock);
        say_error(r->cli, e.msg);
        pthread_mutex_unlock(&r->lock);
    }
    free(path);
}

static enum err_code read_folder(struct reading *r, struct err *e)
{
    enum err_code rc = list_folder(r, e);
    if (rc != ERR_OK)
        return rc;
    if (r->all)
        qsort(r->all, r->count, sizeof *r->all, by_name);
    pthread_mutex_init(&r->lock, NULL);
    rc = parallel_each(r->cli, r->count, read_one, r, e);
    pthread_mutex_destroy(&r->lock);
    return rc;
}

static enum err_code read_text(struct reading *r, struct rowset *set, struct err *e)
{
    enum err_code rc = foreign_text(r->spec->path, set, e);
    if (rc != ERR_OK)
        return rc;
    r->all = mem_array(set->count, sizeof *r->all);
    if (!r->all)
        return err_set(e, ERR_NOMEM, "%s: no memory for its rows", r->spec->path);
    for (; r->count < set->count; r->count++)
        r->all[r->count] = (struct found){.name = mem_dup(set->rows[r->count].file),
                                          .row = set->rows[r->count]};
    return ERR_OK;
}

// ---- the truth ----

static enum err_code open_list(const struct results_spec *spec, struct results *out,
                               struct err *e)
{
    enum err_code rc = ERR_OK;
    out->labels = labels_imagenet();
    if (spec->label) {
        TRY(labels_open(spec->label, &out->owned_labels, e));
        out->labels = out->owned_labels;
    }
    const struct ds_opts opts = {.labels = out->owned_labels,
                                 .ilsvrc_order = spec->ilsvrc_order};
    TRY(ds_open(spec->datalist, &opts, &out->ds, e));
    if (spec->val_label)
        TRY(ds_label_from(out->ds, spec->val_label, &opts, NULL, e));
out:
    return rc;
}

static struct row *unread_rows(const struct results_spec *spec, const struct results *out)
{
    size_t n = ds_count(out->ds);
    struct row *rows = mem_array(n, sizeof *rows);
    for (size_t i = 0; rows && i < n; i++) {
        const struct ds_item *item = ds_item(out->ds, i);
        int label = item->label;
        if (label < 0 && !spec->val_label)
            label = foreign_folder_class(out->labels, item->name);
        rows[i] = (struct row){.file = item->name, .label = label};
    }
    return rows;
}

static void fill(struct row *row, const struct found *found)
{
    row->count = found->row.count;
    memcpy(row->top, found->row.top, sizeof row->top);
    memcpy(row->prob, found->row.prob, sizeof row->prob);
}

// ---- pairing ----

static enum err_code pair(const struct reading *r, struct results *out, struct err *e)
{
    struct foreign_index *index = foreign_index_new(out->ds);
    size_t *holder = mem_new((ds_count(out->ds) + 1) * sizeof *holder);
    enum err_code rc = ERR_OK;
    for (size_t i = 0; i < r->count && rc == ERR_OK; i++) {
        const struct found *f = &r->all[i];
        ptrdiff_t place = foreign_index_find(index, f->name);
        if (place < 0) {
            if (out->strangers++ == 0)
                out->stranger = mem_dup(f->name);
        } else if (holder[place]) {
            rc = err_set(e, ERR_FORMAT, "%s: %s and %s are both results of %s",
                         r->spec->path, r->all[holder[place] - 1].name, f->name,
                         ds_item(out->ds, (size_t)place)->name);
        } else {
            holder[place] = i + 1;
            fill(&out->rows[place], f);
        }
    }
    free(holder);
    foreign_index_free(index);
    if (rc == ERR_OK && out->strangers == r->count && !r->spec->sorted)
        rc =
            err_set(e, ERR_FORMAT,
                    "%s: no result is called like a line of %s; --compat-vamp pairs them "
                    "by their sorted place",
                    r->spec->path, r->spec->datalist);
    return rc;
}

static void pair_sorted(const struct reading *r, struct results *out)
{
    for (size_t i = 0; i < ds_count(out->ds) && i < r->count; i++) {
        fill(&out->sorted[i], &r->all[i]);
        out->sorted_count++;
    }
}

static enum err_code check_classes(const struct reading *r, const struct results *out,
                                   struct err *e)
{
    int names = labels_count(out->labels);
    for (size_t i = 0; i < r->count; i++) {
        const struct found *f = &r->all[i];
        if (f->classes && f->classes != names)
            return err_set(e, ERR_FORMAT, "%s/%s: %d classes, but %s names %d",
                           r->spec->path, f->name, f->classes,
                           r->spec->label ? r->spec->label : "ImageNet", names);
        for (int k = 0; k < f->row.count; k++)
            if (f->row.top[k] >= names)
                return err_set(e, ERR_FORMAT, "%s: class %d of %s, but %s names %d",
                               r->spec->path, f->row.top[k], f->name,
                               r->spec->label ? r->spec->label : "ImageNet", names);
    }
    return ERR_OK;
}

enum err_code results_open(const struct cli *cli, const struct results_spec *spec,
                           struct results *out, struct err *e)
{
    enum err_code rc;
    struct reading r = {.cli = cli, .spec = spec};
    *out = (struct results){0};
    TRY(open_list(spec, out, e));
    if (file_is_dir(spec->path))
        TRY(read_folder(&r, e));
    else
        TRY(read_text(&r, &out->set, e));
    TRY(check_classes(&r, out, e));
    out->rows = unread_rows(spec, out);
    out->sorted = spec->sorted ? unread_rows(spec, out) : NULL;
    if (!out->rows || (spec->sorted && !out->sorted))
        TRY(err_set(e, ERR_NOMEM, "%s: no memory for its lines", spec->datalist));
    TRY(pair(&r, out, e));
    if (spec->sorted)
        pair_sorted(&r, out);
out:
    for (size_t i = 0; i < r.count; i++)
        free(r.all[i].name);
    free(r.all);
    if (rc != ERR_OK)
        results_close(out);
    return rc;
}

void results_close(struct results *results)
{
    free(results->rows);
    free(results->sorted);
    free(results->stranger);
    rowset_release(&results->set);
    labels_close(results->owned_labels);
    ds_close(results->ds);
    *results = (struct results){0};
}

int results_rank_by_name(const struct results *results, size_t i)
{
    const struct row *row = &results->sorted[i];
    // The scripts have the names of the true classes built in, as we have.
    bool built_in = labels_count(results->labels) == labels_count(labels_imagenet());
    const char *truth =
        labels_words(built_in ? labels_imagenet() : results->labels, row->label);
    for (int k = 0; k < row->count; k++)
        if (strcmp(labels_words(results->labels, row->top[k]), truth) == 0)
            return k;
    return -1;
}

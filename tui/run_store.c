#include "tui/run_store.h"

#include "pipeline/foreign.h"

#include "base/file.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum err_code run_store_open(struct run_store *store, const struct tui_opts *opts,
                             struct err *e)
{
    *store = (struct run_store){.ours = true};
    return run_store_list(store, opts, e);
}

void run_store_close(struct run_store *store)
{
    cache_runs_release(store->runs, store->count);
    cache_close(store->cache);
    labels_close(store->run_labels);
    *store = (struct run_store){0};
}

enum err_code run_store_list(struct run_store *store, const struct tui_opts *opts,
                             struct err *e)
{
    if (!store->cache) {
        // A job makes the database; looking does not.
        if (!opts->db || !file_exists(opts->db))
            return ERR_OK;
        enum err_code rc = cache_open(opts->db, false, &store->cache, e);
        if (rc != ERR_OK)
            return rc;
    }
    struct cache_run *runs = NULL;
    size_t count = 0;
    enum err_code rc = cache_runs(store->cache, &runs, &count, e);
    if (rc != ERR_OK)
        return rc;
    cache_runs_release(store->runs, store->count);
    store->runs = runs;
    store->count = count;
    return ERR_OK;
}

static bool by_setup(const struct cache_run *run, const struct pipe_setup *setup)
{
    const struct eng_info *info = eng_model_info(setup->model);
    char key[DS_PREP_KEY_MAX];
    ds_prep_key(&setup->prep, key);
    return !run->stale && strcmp(run->model_hash, info->hash) == 0 &&
           strcmp(run->prep_key, key) == 0 &&
           strcmp(run->precision, eng_precision_name(info->precision)) == 0;
}

static const struct cache_run *match(const struct run_store *store,
                                     const struct tui_opts *opts)
{
    for (size_t i = 0; i < store->count; i++) {
        const struct cache_run *run = &store->runs[i];
        if (strcmp(run->dataset, ds_root(opts->ds)) == 0 &&
            (!store->setup || by_setup(run, store->setup)))
            return run;
    }
    return NULL;
}

// ---- class names ----

const struct labels *run_store_labels(const struct tui_opts *opts)
{
    if (opts->labels)
        return opts->labels;
    return ds_own_labels(opts->ds) ? ds_own_labels(opts->ds) : labels_imagenet();
}

// The model's for its own runs, the user's where they can be a run's, those kept with it,
// or whatever has as many classes.
static void name_classes(struct run_store *store, const struct tui_opts *opts,
                         const struct cache_run *run, struct state *state)
{
    struct labels *fresh = NULL;
    const struct labels *labels = run_store_labels(opts);
    if (store->setup && by_setup(run, store->setup)) {
        labels = store->setup->labels;
    } else if (!opts->labels || labels_count(labels) != run->classes) {
        fresh = labels_from_json(run->labels, run->classes);
        if (!fresh && labels_count(labels) != run->classes)
            labels = labels_imagenet();
        if (!fresh && labels_count(labels) != run->classes)
            fresh = labels_new(NULL, NULL, run->classes);
    }
    state_set_labels(state, fresh ? fresh : labels);
    labels_close(store->run_labels);
    store->run_labels = fresh;
}

// ---- rows to items ----

// Items by name, for a dataset that has changed since the run; by the last part of the
// name for what was imported under other paths.
struct names {
    const struct ds *ds;
    size_t *sorted;
    bool foreign;
    struct foreign_index *index;
};

static bool names_find_alike(struct names *names, const char *name, size_t *item)
{
    if (!names->foreign)
        return false;
    if (!names->index)
        names->index = foreign_index_new(names->ds);
    ptrdiff_t place = foreign_index_find(names->index, name);
    if (place >= 0)
        *item = (size_t)place;
    return place >= 0;
}

static int compare_items(const void *a, const void *b, void *ds)
{
    return strcmp(ds_item(ds, *(const size_t *)a)->name,
                  ds_item(ds, *(const size_t *)b)->name);
}

static bool names_find(struct names *names, const char *name, size_t *item)
{
    size_t n = ds_count(names->ds);
    if (!names->sorted) {
        names->sorted = mem_array(n, sizeof names->sorted[0]);
        if (!names->sorted)
            return false;
        for (size_t i = 0; i < n; i++)
            names->sorted[i] = i;
        qsort_r(names->sorted, n, sizeof names->sorted[0], compare_items,
                (void *)names->ds);
    }
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = strcmp(ds_item(names->ds, names->sorted[mid])->name, name);
        if (order == 0) {
            *item = names->sorted[mid];
            return true;
        }
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

enum err_code run_store_show(struct run_store *store, const struct tui_opts *opts,
                             const struct cache_run *run, struct state *state,
                             struct err *e)
{
    struct rowset rows = {0};
    int64_t *places = NULL;
    enum err_code rc = cache_run_rows(store->cache, run->id, &rows, &places, e);
    if (rc != ERR_OK)
        return rc;
    state_clear_rows(state);
    struct names names = {.ds = opts->ds,
                          .foreign = run->numeric_version == CACHE_FOREIGN};
    for (size_t i = 0; i < rows.count; i++) {
        size_t item = places[i] >= 0 ? (size_t)places[i] : SIZE_MAX;
        if (item >= state->set.count ||
            strcmp(state->set.rows[item].file, rows.rows[i].file) != 0) {
            if (!names_find(&names, rows.rows[i].file, &item) &&
                !names_find_alike(&names, rows.rows[i].file, &item))
                continue;
        }
        state_put(state, item, &rows.rows[i]);
    }
    free(names.sorted);
    foreign_index_free(names.index);
    free(places);
    rowset_release(&rows);
    name_classes(store, opts, run, state);
    state_refresh(state);
    store->shown = run->id;
    store->ours = !store->setup || by_setup(run, store->setup);
    return ERR_OK;
}

enum err_code run_store_show_newest(struct run_store *store, const struct tui_opts *opts,
                                    struct state *state, struct err *e)
{
    const struct cache_run *run = match(store, opts);
    return run ? run_store_show(store, opts, run, state, e) : ERR_OK;
}

enum err_code run_store_use(struct run_store *store, const struct tui_opts *opts,
                            const struct pipe_setup *setup, struct state *state,
                            struct err *e)
{
    const struct cache_run *shown = run_store_shown(store);
    store->setup = setup;
    if (shown) {
        store->ours = by_setup(shown, setup);
        return ERR_OK;
    }
    state_set_labels(state, setup->labels);
    return run_store_show_newest(store, opts, state, e);
}

enum err_code run_store_show_ours(struct run_store *store, const struct tui_opts *opts,
                                  struct state *state, struct err *e)
{
    if (store->ours)
        return ERR_OK;
    const struct cache_run *run = match(store, opts);
    if (run)
        return run_store_show(store, opts, run, state, e);
    state_clear_rows(state);
    state_set_labels(state, store->setup->labels);
    state_refresh(state);
    store->shown = 0;
    store->ours = true;
    return ERR_OK;
}

const struct cache_run *run_store_shown(const struct run_store *store)
{
    for (size_t i = 0; i < store->count; i++)
        if (store->runs[i].id == store->shown)
            return &store->runs[i];
    return NULL;
}

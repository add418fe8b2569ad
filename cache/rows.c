// A run's rows come from two scans in key order, joined here: looking each prediction up
// costs three times as much when pictures were computed in another order than they lie.

#include "cache/db.h"

#include "base/mem.h"

#include <stdlib.h>

struct link {
    int64_t picture;
    size_t row;
};

struct load {
    struct cache *cache;
    struct rowset *set;
    int64_t *places;
    struct link *links;
    size_t cap, place_cap, link_cap, link_count;
    bool sorted; // links are in order of picture
};

static enum err_code no_memory(const struct cache *cache, struct err *e)
{
    return err_set(e, ERR_NOMEM, "%s: no memory for the rows", cache->path);
}

static bool add_link(struct load *load, int64_t picture, size_t row)
{
    if (!mem_grow(&load->links, &load->link_cap, load->link_count + 1,
                  sizeof *load->links))
        return false;
    if (load->link_count && load->links[load->link_count - 1].picture > picture)
        load->sorted = false;
    load->links[load->link_count++] = (struct link){picture, row};
    return true;
}

static bool add_row(struct load *load, sqlite3_stmt *stmt)
{
    struct rowset *set = load->set;
    size_t at = set->count;
    if (!mem_grow(&set->rows, &load->cap, at + 1, sizeof *set->rows) ||
        !mem_grow(&load->places, &load->place_cap, at + 1, sizeof *load->places))
        return false;
    const char *file = (const char *)sqlite3_column_text(stmt, 3);
    int64_t picture = sqlite3_column_int64(stmt, 1);
    const char *error = picture > 0 ? NULL : (const char *)sqlite3_column_text(stmt, 4);
    struct row *row = &set->rows[at];
    *row = (struct row){.label = sqlite3_column_int(stmt, 2)};
    if (!(row->file = rowset_text(set, file ? file : "")))
        return false;
    if (error && !(row->error = rowset_text(set, error)))
        return false;
    if (picture > 0 && !add_link(load, picture, at))
        return false;
    load->places[at] = sqlite3_column_int64(stmt, 0) & CACHE_KEY_LOW;
    set->count++;
    return true;
}

static enum err_code scan_rows(struct load *load, int64_t run, struct err *e)
{
    struct cache *cache = load->cache;
    sqlite3_stmt *stmt;
    bool more;
    enum err_code rc = cache_stmt(cache, STMT_ROW_RANGE, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, cache_key(run, 0));
    sqlite3_bind_int64(stmt, 2, cache_key(run, CACHE_KEY_LOW));
    while ((rc = cache_step(cache, stmt, &more, e)) == ERR_OK && more)
        if (!add_row(load, stmt)) {
            rc = no_memory(cache, e);
            break;
        }
    sqlite3_reset(stmt);
    return rc;
}

static int by_picture(const void *a, const void *b)
{
    const struct link *x = a, *y = b;
    return (x->picture > y->picture) - (x->picture < y->picture);
}

// The error text of a prediction is shared by the rows that have its picture.
static enum err_code scan_predictions(struct load *load, int64_t variant, struct err *e)
{
    struct cache *cache = load->cache;
    struct link *links = load->links;
    sqlite3_stmt *stmt;
    bool more;
    size_t at = 0, n = load->link_count;
    enum err_code rc = cache_stmt(cache, STMT_PREDICTION_RANGE, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, cache_key(variant, links[0].picture));
    sqlite3_bind_int64(stmt, 2, cache_key(variant, links[n - 1].picture));
    while (at < n && (rc = cache_step(cache, stmt, &more, e)) == ERR_OK && more) {
        int64_t picture = sqlite3_column_int64(stmt, 0) & CACHE_KEY_LOW;
        while (at < n && links[at].picture < picture)
            at++;
        if (at == n || links[at].picture != picture)
            continue;
        struct row said;
        TRY(cache_prediction_read(cache, stmt, 1, load->set, &said, e));
        for (; at < n && links[at].picture == picture; at++) {
            struct row *row = &load->set->rows[links[at].row];
            said.file = row->file;
            said.label = row->label;
            *row = said;
        }
    }
out:
    sqlite3_reset(stmt);
    return rc;
}

enum err_code cache_run_rows(struct cache *cache, int64_t run, struct rowset *out,
                             int64_t **places, struct err *e)
{
    struct load load = {.cache = cache, .set = out, .sorted = true};
    int64_t variant;
    *out = (struct rowset){0};
    enum err_code rc = ERR_OK;
    TRY(cache_run_variant(cache, run, &variant, e));
    TRY(scan_rows(&load, run, e));
    if (!load.sorted)
        qsort(load.links, load.link_count, sizeof *load.links, by_picture);
    if (load.link_count)
        TRY(scan_predictions(&load, variant, e));
out:
    free(load.links);
    if (rc != ERR_OK)
        rowset_release(out);
    if (rc != ERR_OK || !places) {
        free(load.places);
        load.places = NULL;
    }
    if (places)
        *places = load.places;
    return rc;
}

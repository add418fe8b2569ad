// A run's rows come from two scans in key order, joined here: looking each prediction up
// costs three times as much when pictures were computed in another order than they lie.
// The scans hand their rows to aggregate functions of ours: fetching a million of them
// column by column through a statement takes a third longer.

#include "cache/db.h"

#include "base/mem.h"

#include <stdlib.h>

struct link {
    int64_t picture;
    size_t row;
};

struct load {
    struct rowset *set;
    int64_t *places;
    struct link *links;
    size_t cap, place_cap, link_cap, link_count;
    bool sorted; // links are in order of picture
    size_t at;   // the first link that still waits for its prediction
};

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

static bool add_row(struct load *load, sqlite3_value **columns)
{
    struct rowset *set = load->set;
    size_t at = set->count;
    if (!mem_grow(&set->rows, &load->cap, at + 1, sizeof *set->rows) ||
        !mem_grow(&load->places, &load->place_cap, at + 1, sizeof *load->places))
        return false;
    load->places[at] = sqlite3_value_int64(columns[0]) & CACHE_KEY_LOW;
    int64_t picture = sqlite3_value_int64(columns[1]);
    struct row *row = &set->rows[at];
    *row = (struct row){.label = sqlite3_value_int(columns[2])};
    const char *file = (const char *)sqlite3_value_text(columns[3]);
    if (!(row->file = rowset_text(set, file ? file : "")))
        return false;
    const char *error = NULL;
    if (picture > 0) {
        if (!add_link(load, picture, at))
            return false;
    } else {
        error = (const char *)sqlite3_value_text(columns[4]);
    }
    if (error && !(row->error = rowset_text(set, error)))
        return false;
    set->count++;
    return true;
}

// take_row(load, key, picture, label, file, error)
static void take_row(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n;
    struct load *load = sqlite3_value_pointer(values[0], "load");
    if (!load || !add_row(load, values + 1))
        sqlite3_result_error_nomem(context);
}

// take_prediction(load, key, top, error). The error text is shared by the rows that have
// the picture.
static void take_prediction(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n;
    struct load *load = sqlite3_value_pointer(values[0], "load");
    if (!load)
        return;
    int64_t picture = sqlite3_value_int64(values[1]) & CACHE_KEY_LOW;
    while (load->at < load->link_count && load->links[load->at].picture < picture)
        load->at++;
    if (load->at == load->link_count || load->links[load->at].picture != picture)
        return;
    struct row said;
    const void *top = sqlite3_value_blob(values[2]);
    int bytes = sqlite3_value_bytes(values[2]);
    const char *error = bytes ? NULL : (const char *)sqlite3_value_text(values[3]);
    int rc = cache_prediction_read(top, bytes, error, load->set, &said);
    if (rc != SQLITE_OK) {
        sqlite3_result_error_code(context, rc);
        return;
    }
    for (; load->at < load->link_count && load->links[load->at].picture == picture;
         load->at++) {
        struct row *row = &load->set->rows[load->links[load->at].row];
        said.file = row->file;
        said.label = row->label;
        *row = said;
    }
}

static void finish(sqlite3_context *context)
{
    sqlite3_result_null(context);
}

int cache_rows_init(sqlite3 *db)
{
    int flags = SQLITE_UTF8 | SQLITE_DIRECTONLY;
    int rc =
        sqlite3_create_function(db, "take_row", 6, flags, NULL, NULL, take_row, finish);
    return rc != SQLITE_OK ? rc
                           : sqlite3_create_function(db, "take_prediction", 4, flags,
                                                     NULL, NULL, take_prediction, finish);
}

// Lets a statement hand the rows with keys from … to over to load.
static enum err_code scan(struct cache *cache, enum cache_stmt_id id, int64_t from,
                          int64_t to, struct load *load, struct err *e)
{
    sqlite3_stmt *stmt;
    bool row;
    enum err_code rc = cache_stmt(cache, id, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, from);
    sqlite3_bind_int64(stmt, 2, to);
    sqlite3_bind_pointer(stmt, 3, load, "load", NULL);
    rc = cache_step(cache, stmt, &row, e);
    sqlite3_reset(stmt);
    sqlite3_bind_null(stmt, 3);
    return rc;
}

static int by_picture(const void *a, const void *b)
{
    const struct link *x = a, *y = b;
    return (x->picture > y->picture) - (x->picture < y->picture);
}

enum err_code cache_run_rows(struct cache *cache, int64_t run, struct rowset *out,
                             int64_t **places, struct err *e)
{
    struct load load = {.set = out, .sorted = true};
    int64_t variant;
    *out = (struct rowset){0};
    enum err_code rc = ERR_OK;
    TRY(cache_run_variant(cache, run, &variant, e));
    TRY(scan(cache, STMT_ROW_TAKE, cache_key(run, 0), cache_key(run, CACHE_KEY_LOW),
             &load, e));
    if (!load.sorted)
        qsort(load.links, load.link_count, sizeof *load.links, by_picture);
    if (load.link_count)
        TRY(scan(cache, STMT_PREDICTION_TAKE, cache_key(variant, load.links[0].picture),
                 cache_key(variant, load.links[load.link_count - 1].picture), &load, e));
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

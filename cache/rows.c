// A run's rows come in chunks from two scans in key order, joined here: looking each
// prediction up costs three times as much when pictures were computed in another order
// than they lie. The scans hand their rows to aggregate functions of ours: fetching a
// million of them column by column through a statement takes a third longer.

#include "cache/db.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

// Rows of a chunk; and how much sparser than its links a range of predictions may be to
// be read whole.
enum { CHUNK = 1 << 17, SPARSE = 8 };

struct link {
    int64_t picture;
    size_t row;
};

struct load {
    struct rowset *set;
    int64_t *places;
    struct link *links;
    size_t cap, place_cap, link_cap, link_count;
    int64_t limit; // rows to take at most, -1: all
    bool sorted;   // links are in order of picture
    size_t at;     // the first link that still waits for its prediction
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

// Gives what was said of a picture to all rows that have it, from load->at on. The error
// text is shared by them.
static void give(struct load *load, int64_t picture, struct row said)
{
    for (; load->at < load->link_count && load->links[load->at].picture == picture;
         load->at++) {
        struct row *row = &load->set->rows[load->links[load->at].row];
        said.file = row->file;
        said.label = row->label;
        *row = said;
    }
}

// take_prediction(load, key, top, error)
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
    struct row said = {0};
    const void *top = sqlite3_value_blob(values[2]);
    int bytes = sqlite3_value_bytes(values[2]);
    const char *error = bytes ? NULL : (const char *)sqlite3_value_text(values[3]);
    int rc = cache_prediction_read(top, bytes, error, load->set, &said);
    if (rc != SQLITE_OK)
        sqlite3_result_error_code(context, rc);
    else
        give(load, picture, said);
}

static void finish(sqlite3_context *context)
{
    sqlite3_result_null(context);
}

// in_order(text): 1 when no text is below the one before.
struct order {
    char *last; // kept from one row to the next
    size_t cap;
    bool broken;
};

static void order_step(sqlite3_context *context, int n, sqlite3_value **values)
{
    (void)n;
    struct order *order = sqlite3_aggregate_context(context, sizeof *order);
    const char *text = (const char *)sqlite3_value_text(values[0]);
    if (!order || order->broken || !text)
        return;
    size_t bytes = strlen(text) + 1;
    order->broken = order->last && strcmp(order->last, text) > 0;
    if (mem_grow(&order->last, &order->cap, bytes, 1))
        memcpy(order->last, text, bytes);
    else
        sqlite3_result_error_nomem(context);
}

static void order_finish(sqlite3_context *context)
{
    struct order *order = sqlite3_aggregate_context(context, 0);
    sqlite3_result_int(context, !order || !order->broken);
    if (order)
        free(order->last);
}

int cache_rows_init(sqlite3 *db)
{
    int flags = SQLITE_UTF8 | SQLITE_DIRECTONLY, rc;
    rc = sqlite3_create_function(db, "take_row", 6, flags, NULL, NULL, take_row, finish);
    if (rc == SQLITE_OK)
        rc = sqlite3_create_function(db, "take_prediction", 4, flags, NULL, NULL,
                                     take_prediction, finish);
    if (rc == SQLITE_OK)
        rc = sqlite3_create_function(db, "in_order", 1, flags, NULL, NULL, order_step,
                                     order_finish);
    return rc;
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
    if (sqlite3_bind_parameter_count(stmt) > 3)
        sqlite3_bind_int64(stmt, 4, load->limit);
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

static enum err_code look_up(struct cache *cache, int64_t variant, struct load *load,
                             struct err *e)
{
    while (load->at < load->link_count) {
        struct row said = {0};
        bool found;
        int64_t picture = load->links[load->at].picture;
        enum err_code rc = cache_prediction_find_key(cache, cache_key(variant, picture),
                                                     load->set, &said, &found, e);
        if (rc != ERR_OK)
            return rc;
        give(load, picture, said);
    }
    return ERR_OK;
}

static enum err_code take_predictions(struct cache *cache, int64_t variant,
                                      struct load *load, struct err *e)
{
    size_t n = load->link_count;
    if (n == 0)
        return ERR_OK;
    if (!load->sorted)
        qsort(load->links, n, sizeof *load->links, by_picture);
    int64_t first = load->links[0].picture, last = load->links[n - 1].picture;
    load->at = 0;
    if ((last - first) / SPARSE > (int64_t)n)
        return look_up(cache, variant, load, e);
    return scan(cache, STMT_PREDICTION_TAKE, cache_key(variant, first),
                cache_key(variant, last), load, e);
}

static void load_release(struct load *load)
{
    free(load->links);
    free(load->places);
    *load = (struct load){0};
}

// Room for all rows at once; where it is not enough or there is none, it grows as ever.
static enum err_code reserve(struct cache *cache, int64_t run, struct load *load,
                             struct err *e)
{
    enum { MOST = 1 << 24 };
    sqlite3_stmt *stmt;
    bool row;
    enum err_code rc = cache_stmt(cache, STMT_RUN_ROWS, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, run);
    rc = cache_step(cache, stmt, &row, e);
    int64_t n = rc == ERR_OK && row ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_reset(stmt);
    if (n > 0 && n <= MOST) {
        size_t want = (size_t)n;
        (void)(mem_grow(&load->set->rows, &load->cap, want, sizeof *load->set->rows) &&
               mem_grow(&load->places, &load->place_cap, want, sizeof *load->places) &&
               mem_grow(&load->links, &load->link_cap, want, sizeof *load->links));
    }
    return rc;
}

enum err_code cache_run_rows(struct cache *cache, int64_t run, struct rowset *out,
                             int64_t **places, struct err *e)
{
    struct load load = {.set = out, .sorted = true, .limit = -1};
    int64_t variant;
    *out = (struct rowset){0};
    if (places)
        *places = NULL;
    enum err_code rc = ERR_OK;
    TRY(cache_run_variant(cache, run, &variant, e));
    TRY(reserve(cache, run, &load, e));
    TRY(scan(cache, STMT_ROW_TAKE, cache_key(run, 0), cache_key(run, CACHE_KEY_LOW),
             &load, e));
    TRY(take_predictions(cache, variant, &load, e));
    if (places) {
        *places = load.places;
        load.places = NULL;
    }
out:
    load_release(&load);
    if (rc != ERR_OK)
        rowset_release(out);
    return rc;
}

// ---- chunk by chunk ----

struct walk {
    struct cache *cache;
    int64_t variant;
    enum cache_stmt_id rows; // statement that takes them
    int64_t from, to;        // its keys
    cache_row_fn *fn;
    void *ctx;
};

static enum err_code walk_chunk(struct walk *walk, bool *more, struct err *e)
{
    struct rowset set = {0};
    struct load load = {.set = &set, .sorted = true, .limit = CHUNK};
    enum err_code rc = ERR_OK;
    TRY(scan(walk->cache, walk->rows, walk->from, walk->to, &load, e));
    TRY(take_predictions(walk->cache, walk->variant, &load, e));
    for (size_t i = 0; i < set.count; i++)
        TRY(walk->fn(walk->ctx, &set.rows[i], e));
    *more = set.count == CHUNK;
    if (*more)
        walk->from += load.places[set.count - 1] - (walk->from & CACHE_KEY_LOW) + 1;
out:
    load_release(&load);
    rowset_release(&set);
    return rc;
}

static enum err_code bind_range(struct cache *cache, enum cache_stmt_id id,
                                const struct walk *walk, sqlite3_stmt **stmt,
                                struct err *e)
{
    enum err_code rc = cache_stmt(cache, id, stmt, e);
    if (rc == ERR_OK) {
        sqlite3_bind_int64(*stmt, 1, walk->from);
        sqlite3_bind_int64(*stmt, 2, walk->to);
    }
    return rc;
}

// Rows of a folder lie in the order of their names already; others are walked by a list
// of their keys.
static enum err_code order_by_file(struct walk *walk, struct err *e)
{
    struct cache *cache = walk->cache;
    sqlite3_stmt *stmt;
    bool row, sorted;
    enum err_code rc;
    TRY(bind_range(cache, STMT_ROW_SORTED, walk, &stmt, e));
    TRY(cache_step(cache, stmt, &row, e));
    sorted = sqlite3_column_int(stmt, 0) != 0;
    sqlite3_reset(stmt);
    if (sorted)
        return ERR_OK;
    TRY(cache_exec(cache,
                   "CREATE TEMP TABLE IF NOT EXISTS sorted (id INTEGER PRIMARY KEY, "
                   "key INTEGER NOT NULL); DELETE FROM temp.sorted",
                   e));
    TRY(bind_range(cache, STMT_ROW_SORT, walk, &stmt, e));
    TRY(cache_step_done(cache, stmt, e));
    walk->rows = STMT_ROW_TAKE_SORTED;
    walk->from = 1;
    walk->to = CACHE_KEY_LOW;
out:
    return rc;
}

enum err_code cache_freeze(struct cache *cache, struct err *e)
{
    enum err_code rc = cache_commit(cache, e);
    return rc == ERR_OK ? cache_exec(cache, "BEGIN; SELECT count(*) FROM run", e) : rc;
}

enum err_code cache_run_each(struct cache *cache, int64_t run, enum cache_order order,
                             cache_row_fn *fn, void *ctx, struct err *e)
{
    struct walk walk = {.cache = cache,
                        .rows = STMT_ROW_TAKE,
                        .from = cache_key(run, 0),
                        .to = cache_key(run, CACHE_KEY_LOW),
                        .fn = fn,
                        .ctx = ctx};
    bool more = true, own = sqlite3_get_autocommit(cache->db);
    enum err_code rc = ERR_OK;
    // Each page is read once a chunk at most, in order: keeping many would only take
    // memory.
    TRY(cache_exec(cache, "PRAGMA cache_size = -4096", e));
    // One snapshot for all chunks.
    if (own)
        TRY(cache_exec(cache, "BEGIN", e));
    TRY(cache_run_variant(cache, run, &walk.variant, e));
    if (order == CACHE_BY_FILE)
        TRY(order_by_file(&walk, e));
    while (more)
        TRY(walk_chunk(&walk, &more, e));
out:
    if (own && !sqlite3_get_autocommit(cache->db)) {
        enum err_code ended = cache_exec(cache, "COMMIT", rc == ERR_OK ? e : NULL);
        rc = rc != ERR_OK ? rc : ended;
    }
    (void)!cache_exec(cache, "PRAGMA cache_size = -" CACHE_PAGES_KIB, NULL);
    return rc;
}

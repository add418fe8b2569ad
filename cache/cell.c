// How many rows of a run are alike. The cells follow every row that is put; they are made
// anew from the rows after a merge, and for databases from before there were cells.

#include "cache/db.h"

#include "base/mem.h"

#include <stdlib.h>

static enum err_code put_cell(struct cache *cache, int64_t run,
                              const struct row_cell *cell, int times, struct err *e)
{
    sqlite3_stmt *stmt;
    enum err_code rc = cache_stmt(cache, STMT_CELL_ADD, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, run);
    sqlite3_bind_int(stmt, 2, cell->truth);
    sqlite3_bind_int(stmt, 3, cell->predicted);
    sqlite3_bind_int(stmt, 4, cell->bin);
    sqlite3_bind_int64(stmt, 5, times * cell->count);
    sqlite3_bind_int64(stmt, 6, times * cell->top5);
    sqlite3_bind_int64(stmt, 7, times * cell->confidence);
    return cache_step_done(cache, stmt, e);
}

enum err_code cache_cell_add(struct cache *cache, int64_t run, const struct row *row,
                             int times, struct err *e)
{
    struct row_cell cell = row_cell(row);
    return put_cell(cache, run, &cell, times, e);
}

enum err_code cache_run_cells(struct cache *cache, int64_t run, struct row_cell **out,
                              size_t *count, struct err *e)
{
    sqlite3_stmt *stmt;
    bool row;
    size_t cap = 0;
    *out = NULL;
    *count = 0;
    enum err_code rc = cache_stmt(cache, STMT_CELL_LIST, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, run);
    while ((rc = cache_step(cache, stmt, &row, e)) == ERR_OK && row) {
        if (!mem_grow(out, &cap, *count + 1, sizeof **out)) {
            rc = err_set(e, ERR_NOMEM, "%s: no memory for the cells", cache->path);
            break;
        }
        (*out)[(*count)++] = (struct row_cell){
            sqlite3_column_int(stmt, 0),   sqlite3_column_int(stmt, 1),
            sqlite3_column_int(stmt, 2),   sqlite3_column_int64(stmt, 3),
            sqlite3_column_int64(stmt, 4), sqlite3_column_int64(stmt, 5)};
    }
    sqlite3_reset(stmt);
    if (rc != ERR_OK) {
        free(*out);
        *out = NULL;
        *count = 0;
    }
    return rc;
}

// ---- anew ----

struct recount {
    const struct cache *cache; // for the message
    struct cache_pace *pace;
    struct row_cells cells;
};

static enum err_code count_row(void *ctx, const struct row *row, struct err *e)
{
    struct recount *recount = ctx;
    if (!row_cells_add(&recount->cells, row))
        return err_set(e, ERR_NOMEM, "%s: no memory for the cells", recount->cache->path);
    return recount->pace ? cache_pace_step(recount->pace, e) : ERR_OK;
}

// What a run's counters are by its cells.
struct counters {
    int64_t done, failed, labelled, top1, top5;
};

static struct counters count_cells(const struct row_cells *cells)
{
    struct counters c = {0};
    for (size_t i = 0; i < cells->count; i++) {
        const struct row_cell *cell = &cells->all[i];
        c.failed += cell->predicted == ROW_FAILED ? cell->count : 0;
        if (cell->predicted < 0)
            continue;
        c.done += cell->count;
        c.labelled += cell->truth >= 0 ? cell->count : 0;
        c.top1 += cell->truth == cell->predicted ? cell->count : 0;
        c.top5 += cell->top5;
    }
    return c;
}

static enum err_code write_cells(struct cache *cache, int64_t run,
                                 const struct row_cells *cells, struct err *e)
{
    struct counters c = count_cells(cells);
    sqlite3_stmt *stmt;
    enum err_code rc;
    TRY(cache_stmt(cache, STMT_CELL_REMOVE, &stmt, e));
    sqlite3_bind_int64(stmt, 1, run);
    TRY(cache_step_done(cache, stmt, e));
    for (size_t i = 0; i < cells->count; i++)
        TRY(put_cell(cache, run, &cells->all[i], 1, e));
    TRY(cache_stmt(cache, STMT_RUN_SET, &stmt, e));
    sqlite3_bind_int64(stmt, 1, run);
    sqlite3_bind_int64(stmt, 2, c.done);
    sqlite3_bind_int64(stmt, 3, c.failed);
    sqlite3_bind_int64(stmt, 4, c.labelled);
    sqlite3_bind_int64(stmt, 5, c.top1);
    sqlite3_bind_int64(stmt, 6, c.top5);
    TRY(cache_step_done(cache, stmt, e));
out:
    return rc;
}

static enum err_code recount_run(struct cache *cache, int64_t run,
                                 struct cache_pace *pace, struct err *e)
{
    struct recount recount = {.cache = cache, .pace = pace};
    enum err_code rc = cache_run_each(cache, run, CACHE_BY_PLACE, count_row, &recount, e);
    if (rc == ERR_OK)
        rc = write_cells(cache, run, &recount.cells, e);
    row_cells_release(&recount.cells);
    return rc;
}

enum err_code cache_recount(struct cache *cache, struct cache_pace *pace, struct err *e)
{
    sqlite3_stmt *stmt;
    bool row;
    enum err_code rc = cache_stmt(cache, STMT_RUN_IDS, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    while ((rc = cache_step(cache, stmt, &row, e)) == ERR_OK && row)
        TRY(recount_run(cache, sqlite3_column_int64(stmt, 0), pace, e));
out:
    sqlite3_reset(stmt);
    return rc;
}

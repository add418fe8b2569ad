// One shard into a database. It is read through a connection of its own, table by table
// in the order of the keys, and written in the order of the keys that they get here: each
// page of a large database is visited once a shard, or once a chunk of its pictures.

#include "cache/db.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

// Pictures sorted at a time. Four times as many took 90 MiB more and no less time on
// shards of 6 million.
enum { CHUNK = 1 << 20 };

// In `pictures`: one of the chunk whose id here is not known yet.
#define UNPLACED UINT32_MAX

struct merge {
    struct cache *from, *to;
    uint32_t *pictures; // id in the shard → id here, 0 where there is none
    int64_t picture_end;
    bool changed; // by this shard
    bool first;   // there were no pictures before it, and its own differ
    struct cache_pace *pace;
    struct cache_merged *result;
};

static enum err_code no_memory(const struct cache *cache, struct err *e)
{
    return err_set(e, ERR_NOMEM, "%s: no memory to merge it", cache->path);
}

static enum err_code damaged(const struct cache *cache, const char *what, struct err *e)
{
    return err_set(e, ERR_FORMAT, "%s: damaged database: %s", cache->path, what);
}

// Columns `from …` of a row as parameters of another statement.
static void pass_on(sqlite3_stmt *from, int column, sqlite3_stmt *to, int parameter,
                    int n)
{
    for (int i = 0; i < n; i++)
        sqlite3_bind_value(to, parameter + i, sqlite3_column_value(from, column + i));
}

// ---- pictures ----

struct picture {
    int64_t lo, hi, id;
};

static int by_lo(const void *a, const void *b)
{
    const struct picture *x = a, *y = b;
    if (x->lo != y->lo)
        return x->lo < y->lo ? -1 : 1;
    if (x->hi != y->hi)
        return x->hi < y->hi ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static enum err_code insert_picture(struct merge *m, const struct picture *p, int64_t now,
                                    struct err *e)
{
    sqlite3_stmt *stmt;
    enum err_code rc = cache_stmt(m->to, STMT_PICTURE_PUT, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, now);
    sqlite3_bind_int64(stmt, 2, p->lo);
    sqlite3_bind_int64(stmt, 3, p->hi);
    m->result->pictures++;
    return cache_step_done(m->to, stmt, e);
}

struct chunk {
    struct picture *all; // in order of id when they are read
    size_t count, cap;
    int64_t first, last; // ids
};

// Ids of those that are here already, which come in the order of the index.
static enum err_code find_pictures(struct merge *m, const struct picture *all, size_t n,
                                   struct err *e)
{
    for (size_t i = 0; i < n; i++) {
        struct cache_hash hash = {(uint64_t)all[i].hi, (uint64_t)all[i].lo};
        int64_t now = 0;
        enum err_code rc =
            m->first ? ERR_OK : cache_picture_id(m->to, hash, false, &now, e);
        if (rc != ERR_OK)
            return rc;
        m->pictures[all[i].id] = now ? (uint32_t)now : UNPLACED;
    }
    return ERR_OK;
}

// New pictures get ids in the shard's order, which its predictions have too, and go into
// the index in the index's.
static enum err_code place_pictures(struct merge *m, const struct chunk *chunk,
                                    int64_t *next, struct err *e)
{
    struct picture *all = chunk->all;
    int64_t first = *next;
    qsort(all, chunk->count, sizeof *all, by_lo);
    enum err_code rc = find_pictures(m, all, chunk->count, e);
    for (int64_t id = chunk->first; rc == ERR_OK && id <= chunk->last; id++) {
        if (m->pictures[id] != UNPLACED)
            continue;
        if (*next >= UNPLACED)
            return err_set(e, ERR_LIMIT, "%s: too many pictures", m->to->path);
        m->pictures[id] = (uint32_t)(*next)++;
    }
    for (size_t i = 0; i < chunk->count && rc == ERR_OK; i++) {
        uint32_t *now = &m->pictures[all[i].id];
        bool twin = i > 0 && all[i].lo == all[i - 1].lo && all[i].hi == all[i - 1].hi;
        if (twin)
            *now = m->pictures[all[i - 1].id];
        else if (*now >= first)
            rc = insert_picture(m, &all[i], *now, e);
    }
    return rc;
}

static enum err_code read_int(struct cache *cache, enum cache_stmt_id id, int column,
                              int64_t *out, struct err *e)
{
    sqlite3_stmt *stmt;
    bool row;
    enum err_code rc = cache_stmt(cache, id, &stmt, e);
    if (rc == ERR_OK)
        rc = cache_step(cache, stmt, &row, e);
    if (rc == ERR_OK) {
        *out = sqlite3_column_int64(stmt, column);
        sqlite3_reset(stmt);
    }
    return rc;
}

// Ids are given one after the other and never taken back.
static enum err_code map_pictures(struct merge *m, struct err *e)
{
    int64_t last, count;
    enum err_code rc;
    TRY(read_int(m->from, STMT_PICTURE_EXTENT, 0, &last, e));
    TRY(read_int(m->from, STMT_PICTURE_EXTENT, 1, &count, e));
    if (last < 0 || last > CACHE_KEY_LOW || last / 2 > count)
        return damaged(m->from, "numbers of its pictures", e);
    m->picture_end = last + 1;
    m->pictures = mem_array((size_t)m->picture_end, sizeof *m->pictures);
    if (!m->pictures)
        return no_memory(m->from, e);
out:
    return rc;
}

// Up to CHUNK pictures; *more: there may be others.
static enum err_code read_pictures(struct merge *m, sqlite3_stmt *list,
                                   struct chunk *chunk, bool *more, struct err *e)
{
    chunk->count = 0;
    while (chunk->count < CHUNK) {
        enum err_code rc = cache_step(m->from, list, more, e);
        if (rc != ERR_OK || !*more)
            return rc;
        if (!mem_grow(&chunk->all, &chunk->cap, chunk->count + 1, sizeof *chunk->all))
            return no_memory(m->from, e);
        struct picture p = {.id = sqlite3_column_int64(list, 0),
                            .lo = sqlite3_column_int64(list, 1),
                            .hi = sqlite3_column_int64(list, 2)};
        if (p.id <= 0 || p.id >= m->picture_end)
            return damaged(m->from, "numbers of its pictures", e);
        if (chunk->count == 0)
            chunk->first = p.id;
        chunk->last = p.id;
        chunk->all[chunk->count++] = p;
        rc = cache_pace_step(m->pace, e);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

static enum err_code merge_pictures(struct merge *m, struct err *e)
{
    sqlite3_stmt *list;
    bool more = true;
    int64_t next;
    struct chunk chunk = {0};
    enum err_code rc;
    TRY(map_pictures(m, e));
    TRY(read_int(m->to, STMT_PICTURE_EXTENT, 0, &next, e));
    m->first = next == 0;
    next++;
    TRY(cache_stmt(m->from, STMT_PICTURE_LIST, &list, e));
    while (more) {
        TRY(read_pictures(m, list, &chunk, &more, e));
        if (chunk.count)
            TRY(place_pictures(m, &chunk, &next, e));
    }
out:
    free(chunk.all);
    return rc;
}

// The picture's id here; 0 for none (a file that could not be read).
static enum err_code here(const struct merge *m, int64_t picture, int64_t *id,
                          struct err *e)
{
    *id = picture > 0 && picture < m->picture_end ? m->pictures[picture] : 0;
    return *id || picture == 0
               ? ERR_OK
               : damaged(m->from, "a row of a picture that it does not hold", e);
}

static enum err_code merge_files(struct merge *m, struct err *e)
{
    sqlite3_stmt *list, *put;
    bool row;
    int64_t picture;
    enum err_code rc;
    TRY(cache_stmt(m->from, STMT_FILE_LIST, &list, e));
    while ((rc = cache_step(m->from, list, &row, e)) == ERR_OK && row) {
        TRY(cache_stmt(m->to, STMT_FILE_MERGE, &put, e));
        TRY(here(m, sqlite3_column_int64(list, 3), &picture, e));
        pass_on(list, 0, put, 1, 3);
        sqlite3_bind_int64(put, 4, picture);
        TRY(cache_step_done(m->to, put, e));
        TRY(cache_pace_step(m->pace, e));
    }
out:
    return rc;
}

// ---- predictions ----

static enum err_code merge_prediction(struct merge *m, sqlite3_stmt *list,
                                      int64_t variant, struct err *e)
{
    struct rowset texts = {0};
    struct row said;
    int64_t picture;
    sqlite3_stmt *put;
    enum err_code rc = ERR_OK;
    // What is read here is trusted from then on.
    if (cache_prediction_read(sqlite3_column_blob(list, 1), sqlite3_column_bytes(list, 1),
                              NULL, &texts, &said) != SQLITE_OK)
        TRY(damaged(m->from, "a prediction", e));
    TRY(here(m, sqlite3_column_int64(list, 0) & CACHE_KEY_LOW, &picture, e));
    TRY(cache_stmt(m->to, STMT_PREDICTION_MERGE, &put, e));
    sqlite3_bind_int64(put, 1, cache_key(variant, picture));
    pass_on(list, 1, put, 2, 2);
    TRY(cache_step_done(m->to, put, e));
    m->changed |= sqlite3_changes(m->to->db) > 0;
    TRY(cache_pace_step(m->pace, e));
out:
    rowset_release(&texts);
    return rc;
}

static enum err_code merge_predictions(struct merge *m, int64_t from, int64_t to,
                                       struct err *e)
{
    sqlite3_stmt *list;
    bool row;
    enum err_code rc = cache_stmt(m->from, STMT_PREDICTION_LIST, &list, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(list, 1, cache_key(from, 0));
    sqlite3_bind_int64(list, 2, cache_key(from, CACHE_KEY_LOW));
    while ((rc = cache_step(m->from, list, &row, e)) == ERR_OK && row)
        TRY(merge_prediction(m, list, to, e));
out:
    sqlite3_reset(list);
    return rc;
}

static enum err_code find_variant(struct merge *m, int64_t run, int64_t *from,
                                  int64_t *to, struct err *e)
{
    sqlite3_stmt *stmt;
    bool row;
    enum err_code rc;
    TRY(cache_run_variant(m->from, run, from, e));
    TRY(cache_stmt(m->from, STMT_VARIANT_GET, &stmt, e));
    sqlite3_bind_int64(stmt, 1, *from);
    TRY(cache_step(m->from, stmt, &row, e));
    if (!row)
        return damaged(m->from, "a run of an unknown model", e);
    char *texts[6];
    for (int i = 0; i < 6; i++)
        texts[i] = cache_column_dup(stmt, i);
    const struct cache_variant variant = {texts[0],
                                          texts[1],
                                          texts[2],
                                          sqlite3_column_int(stmt, 6),
                                          texts[3],
                                          texts[4],
                                          sqlite3_column_int(stmt, 7),
                                          texts[5]};
    sqlite3_reset(stmt);
    rc = cache_variant_id(m->to, &variant, to, e);
    for (int i = 0; i < 6; i++)
        free(texts[i]);
out:
    return rc;
}

// ---- runs ----

static enum err_code add_run(struct merge *m, const struct cache_run *run,
                             int64_t variant, int64_t *id, struct err *e)
{
    enum err_code rc;
    sqlite3_stmt *stmt;
    TRY(cache_stmt(m->to, STMT_RUN_ADD, &stmt, e));
    sqlite3_bind_int64(stmt, 1, variant);
    sqlite3_bind_text(stmt, 2, run->dataset, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 3, run->name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 4, run->started);
    sqlite3_bind_int64(stmt, 5, run->total);
    sqlite3_bind_text(stmt, 6, run->host, -1, SQLITE_STATIC);
    TRY(cache_step_done(m->to, stmt, e));
    *id = sqlite3_last_insert_rowid(m->to->db);
    if (run->labels)
        TRY(cache_run_labels(m->to, *id, run->labels, e));
    m->result->runs++;
    m->changed = true;
out:
    return rc;
}

static enum err_code find_run(struct merge *m, const struct cache_run *run,
                              int64_t variant, int64_t *id, struct err *e)
{
    sqlite3_stmt *stmt;
    bool row;
    enum err_code rc = cache_stmt(m->to, STMT_RUN_FIND, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, variant);
    sqlite3_bind_text(stmt, 2, run->dataset, -1, SQLITE_STATIC);
    TRY(cache_step(m->to, stmt, &row, e));
    if (!row)
        return add_run(m, run, variant, id, e);
    *id = sqlite3_column_int64(stmt, 0);
    int64_t total = sqlite3_column_int64(stmt, 2);
    sqlite3_reset(stmt);
    if (total != run->total)
        rc = err_set(e, ERR_FORMAT,
                     "%s: run %s is over %lld pictures of %s, but there are %lld in %s",
                     m->from->path, run->name, (long long)run->total, run->dataset,
                     (long long)total, m->to->path);
out:
    return rc;
}

// A row that was there stays, unless it had no picture; it must be of the same file.
static enum err_code check_file(struct merge *m, int64_t key, sqlite3_stmt *list,
                                struct err *e)
{
    sqlite3_stmt *stmt;
    bool row;
    enum err_code rc = cache_stmt(m->to, STMT_ROW_FILE, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, key);
    rc = cache_step(m->to, stmt, &row, e);
    if (rc != ERR_OK || !row)
        return rc;
    const char *mine = (const char *)sqlite3_column_text(stmt, 0);
    const char *its = (const char *)sqlite3_column_text(list, 3);
    if (!mine || !its || strcmp(mine, its) != 0)
        rc = err_set(e, ERR_FORMAT,
                     "%s: picture %lld of the run is %s, but %s in %s: not the same "
                     "dataset",
                     m->from->path, (long long)(key & CACHE_KEY_LOW), its ? its : "",
                     mine ? mine : "", m->to->path);
    sqlite3_reset(stmt);
    return rc;
}

static enum err_code merge_row(struct merge *m, int64_t run, sqlite3_stmt *list,
                               struct err *e)
{
    sqlite3_stmt *put;
    int64_t picture;
    int64_t key = cache_key(run, sqlite3_column_int64(list, 0) & CACHE_KEY_LOW);
    enum err_code rc;
    TRY(here(m, sqlite3_column_int64(list, 1), &picture, e));
    TRY(cache_stmt(m->to, STMT_ROW_MERGE, &put, e));
    sqlite3_bind_int64(put, 1, key);
    sqlite3_bind_int64(put, 2, picture);
    pass_on(list, 2, put, 3, 3);
    TRY(cache_step_done(m->to, put, e));
    m->result->rows++;
    TRY(cache_pace_step(m->pace, e));
    if (sqlite3_changes(m->to->db) > 0) {
        m->result->added++;
        m->changed = true;
    } else {
        TRY(check_file(m, key, list, e));
    }
out:
    return rc;
}

static enum err_code merge_rows(struct merge *m, int64_t from, int64_t to, int64_t *rows,
                                struct err *e)
{
    sqlite3_stmt *list;
    bool row;
    int64_t before = m->result->rows;
    enum err_code rc = cache_stmt(m->from, STMT_ROW_LIST, &list, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(list, 1, cache_key(from, 0));
    sqlite3_bind_int64(list, 2, cache_key(from, CACHE_KEY_LOW));
    while ((rc = cache_step(m->from, list, &row, e)) == ERR_OK && row)
        TRY(merge_row(m, to, list, e));
out:
    sqlite3_reset(list);
    *rows = m->result->rows - before;
    return rc;
}

// What was itself merged brings its own sources along.
static enum err_code note_sources(struct merge *m, const struct cache_run *run,
                                  int64_t to, int64_t rows, struct err *e)
{
    struct cache_source *sources;
    size_t n;
    enum err_code rc = cache_run_sources(m->from, run->id, &sources, &n, e);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < n && rc == ERR_OK; i++)
        rc = cache_source_add(m->to, to, &sources[i], e);
    if (rc == ERR_OK && n == 0) {
        char *path = file_absolute(m->from->path);
        rc = cache_source_add(
            m->to, to, &(struct cache_source){path, run->host, clock_wall(), rows}, e);
        free(path);
    }
    cache_sources_release(sources, n);
    return rc;
}

static enum err_code merge_run(struct merge *m, const struct cache_run *run,
                               struct err *e)
{
    int64_t from = 0, to = 0, id = 0, rows = 0;
    enum err_code rc;
    TRY(find_variant(m, run->id, &from, &to, e));
    TRY(merge_predictions(m, from, to, e));
    TRY(find_run(m, run, to, &id, e));
    TRY(merge_rows(m, run->id, id, &rows, e));
    TRY(note_sources(m, run, id, rows, e));
out:
    return rc;
}

enum err_code cache_shard_merge(struct cache *to, const char *path,
                                struct cache_pace *pace, struct cache_merged *result,
                                bool *changed, struct err *e)
{
    struct merge m = {.to = to, .result = result, .pace = pace};
    struct cache_run *runs = NULL;
    size_t n = 0;
    enum err_code rc;
    TRY(cache_open(path, false, &m.from, e));
    TRY(cache_exec(m.from, "BEGIN", e)); // one snapshot: it may be growing
    TRY(cache_runs(m.from, &runs, &n, e));
    TRY(merge_pictures(&m, e));
    TRY(merge_files(&m, e));
    for (size_t i = n; i > 0; i--) // the oldest first, so that ids keep their order
        TRY(merge_run(&m, &runs[i - 1], e));
    *changed |= m.changed;
out:
    cache_runs_release(runs, n);
    free(m.pictures);
    cache_close(m.from);
    return rc;
}

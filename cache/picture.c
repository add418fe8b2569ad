#include "cache/db.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

struct cache_hash cache_hash_bytes(const void *data, size_t len)
{
    XXH128_hash_t hash = XXH3_128bits(data, len);
    return (struct cache_hash){hash.high64, hash.low64};
}

// ---- pictures ----

enum err_code cache_picture_id(struct cache *cache, struct cache_hash hash, bool make,
                               int64_t *id, struct err *e)
{
    sqlite3_stmt *stmt;
    bool row;
    enum err_code rc = cache_stmt(cache, STMT_PICTURE_FIND, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, (int64_t)hash.lo);
    sqlite3_bind_int64(stmt, 2, (int64_t)hash.hi);
    rc = cache_step(cache, stmt, &row, e);
    *id = rc == ERR_OK && row ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_reset(stmt);
    if (rc != ERR_OK || *id || !make)
        return rc;
    rc = cache_stmt(cache, STMT_PICTURE_ADD, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, (int64_t)hash.lo);
    sqlite3_bind_int64(stmt, 2, (int64_t)hash.hi);
    rc = cache_step_done(cache, stmt, e);
    *id = sqlite3_last_insert_rowid(cache->db);
    if (rc == ERR_OK && *id > CACHE_KEY_LOW)
        rc = err_set(e, ERR_LIMIT, "%s: too many pictures", cache->path);
    return rc;
}

// ---- files ----

static int64_t path_hash(const char *path)
{
    char *absolute = file_absolute(path);
    uint64_t hash = XXH3_64bits(absolute, strlen(absolute));
    free(absolute);
    return (int64_t)hash;
}

enum err_code cache_file_find(struct cache *cache, const char *path,
                              const struct cache_stat *stat, struct cache_hash *hash,
                              bool *found, struct err *e)
{
    sqlite3_stmt *stmt;
    *found = false;
    enum err_code rc = cache_stmt(cache, STMT_FILE_FIND, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, path_hash(path));
    sqlite3_bind_int64(stmt, 2, stat->size);
    sqlite3_bind_int64(stmt, 3, stat->mtime_ns);
    rc = cache_step(cache, stmt, found, e);
    if (rc == ERR_OK && *found)
        *hash = (struct cache_hash){(uint64_t)sqlite3_column_int64(stmt, 0),
                                    (uint64_t)sqlite3_column_int64(stmt, 1)};
    sqlite3_reset(stmt);
    return rc;
}

enum err_code cache_file_put(struct cache *cache, const char *path,
                             const struct cache_stat *stat, struct cache_hash hash,
                             struct err *e)
{
    sqlite3_stmt *stmt;
    int64_t picture;
    enum err_code rc = cache_write_begin(cache, e);
    if (rc != ERR_OK)
        return rc;
    TRY(cache_picture_id(cache, hash, true, &picture, e));
    TRY(cache_stmt(cache, STMT_FILE_PUT, &stmt, e));
    sqlite3_bind_int64(stmt, 1, path_hash(path));
    sqlite3_bind_int64(stmt, 2, stat->size);
    sqlite3_bind_int64(stmt, 3, stat->mtime_ns);
    sqlite3_bind_int64(stmt, 4, picture);
    TRY(cache_step_done(cache, stmt, e));
out:
    return cache_write_end(cache, rc, e);
}

// ---- predictions ----

// As they are stored: ROW_TOPK × (int32, float32), little-endian.
enum { TOP_BYTES = ROW_TOPK * 8 };

static int pack(const struct row *row, unsigned char out[TOP_BYTES])
{
    for (int i = 0; i < row->count; i++) {
        int32_t index = row->top[i];
        memcpy(out + (size_t)i * 8, &index, 4);
        memcpy(out + (size_t)i * 8 + 4, &row->prob[i], 4);
    }
    return row->count * 8;
}

static bool unpack(const void *blob, int bytes, struct row *row)
{
    if (bytes < 0 || bytes > TOP_BYTES || bytes % 8 != 0)
        return false;
    row->count = bytes / 8;
    for (int i = 0; i < row->count; i++) {
        int32_t index;
        memcpy(&index, (const char *)blob + (size_t)i * 8, 4);
        memcpy(&row->prob[i], (const char *)blob + (size_t)i * 8 + 4, 4);
        // The comparison is written so that a NaN fails it.
        if (index < 0 || !(row->prob[i] >= 0.0f && row->prob[i] <= 1.0f))
            return false;
        row->top[i] = index;
    }
    return true;
}

int cache_prediction_read(const void *top, int bytes, const char *error,
                          struct rowset *set, struct row *row)
{
    row->error = NULL;
    if (!unpack(top, bytes, row))
        return SQLITE_CORRUPT;
    if (row->count == 0 && error && !(row->error = rowset_text(set, error)))
        return SQLITE_NOMEM;
    return SQLITE_OK;
}

enum err_code cache_prediction_find_key(struct cache *cache, int64_t key,
                                        struct rowset *set, struct row *row, bool *found,
                                        struct err *e)
{
    sqlite3_stmt *stmt;
    enum err_code rc = cache_stmt(cache, STMT_PREDICTION_FIND, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, key);
    rc = cache_step(cache, stmt, found, e);
    if (rc == ERR_OK && *found) {
        const void *top = sqlite3_column_blob(stmt, 0);
        int bytes = sqlite3_column_bytes(stmt, 0);
        const char *error = (const char *)sqlite3_column_text(stmt, 1);
        int read = cache_prediction_read(top, bytes, error, set, row);
        if (read != SQLITE_OK)
            rc = cache_error(cache, read, "cannot read a prediction", e);
    }
    sqlite3_reset(stmt);
    return rc;
}

enum err_code cache_prediction_find(struct cache *cache, int64_t variant,
                                    struct cache_hash hash, struct rowset *set,
                                    struct row *row, bool *found, struct err *e)
{
    int64_t picture;
    *found = false;
    enum err_code rc = cache_picture_id(cache, hash, false, &picture, e);
    if (rc != ERR_OK || picture == 0)
        return rc;
    return cache_prediction_find_key(cache, cache_key(variant, picture), set, row, found,
                                     e);
}

static bool same(const struct row *a, const struct row *b)
{
    unsigned char packed_a[TOP_BYTES], packed_b[TOP_BYTES];
    int n = pack(a, packed_a);
    if (n != pack(b, packed_b) || memcmp(packed_a, packed_b, (size_t)n) != 0)
        return false;
    return a->error && b->error ? strcmp(a->error, b->error) == 0 : a->error == b->error;
}

static enum err_code recount_run(struct cache *cache, int64_t run, int64_t picture,
                                 struct row before, struct row now, struct err *e)
{
    sqlite3_stmt *stmt;
    bool row;
    enum err_code rc = cache_stmt(cache, STMT_ROW_OF_PICTURE, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, cache_key(run, 0));
    sqlite3_bind_int64(stmt, 2, cache_key(run, CACHE_KEY_LOW));
    sqlite3_bind_int64(stmt, 3, picture);
    while ((rc = cache_step(cache, stmt, &row, e)) == ERR_OK && row) {
        before.label = now.label = sqlite3_column_int(stmt, 0);
        TRY(cache_run_count(cache, run, &before, &now, e));
    }
out:
    sqlite3_reset(stmt);
    return rc;
}

// Runs of one variant share predictions. A changed one is rare (a repeated computation on
// another CPU, an error that went away), so the rows are found without an index.
static enum err_code recount(struct cache *cache, int64_t variant, int64_t picture,
                             const struct row *before, const struct row *now,
                             struct err *e)
{
    sqlite3_stmt *stmt;
    bool row;
    enum err_code rc = cache_stmt(cache, STMT_RUN_OF_VARIANT, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, variant);
    while ((rc = cache_step(cache, stmt, &row, e)) == ERR_OK && row)
        TRY(recount_run(cache, sqlite3_column_int64(stmt, 0), picture, *before, *now, e));
out:
    sqlite3_reset(stmt);
    return rc;
}

// Equal for every label: neither counters nor cells can tell them apart.
static bool counts_same(const struct row *a, const struct row *b)
{
    return a->count == b->count && !a->error == !b->error &&
           memcmp(a->top, b->top, (size_t)a->count * sizeof a->top[0]) == 0 &&
           (!a->count || a->prob[0] == b->prob[0]);
}

enum err_code cache_prediction_write(struct cache *cache, int64_t variant,
                                     int64_t picture, const struct row *row,
                                     struct err *e)
{
    struct rowset texts = {0};
    struct row before = {0};
    sqlite3_stmt *stmt;
    bool found = false;
    int64_t key = cache_key(variant, picture);
    unsigned char top[TOP_BYTES];
    enum err_code rc = ERR_OK;
    TRY(cache_prediction_find_key(cache, key, &texts, &before, &found, e));
    if (found && same(&before, row))
        goto out;
    TRY(cache_stmt(cache, STMT_PREDICTION_PUT, &stmt, e));
    sqlite3_bind_int64(stmt, 1, key);
    sqlite3_bind_blob(stmt, 2, top, pack(row, top), SQLITE_STATIC);
    sqlite3_bind_text(stmt, 3, row->count ? NULL : row->error, -1, SQLITE_STATIC);
    TRY(cache_step_done(cache, stmt, e));
    if (found && !counts_same(&before, row))
        TRY(recount(cache, variant, picture, &before, row, e));
out:
    rowset_release(&texts);
    return rc;
}

enum err_code cache_prediction_put(struct cache *cache, int64_t variant,
                                   struct cache_hash hash, const struct row *row,
                                   struct err *e)
{
    int64_t picture;
    enum err_code rc = cache_write_begin(cache, e);
    if (rc != ERR_OK)
        return rc;
    TRY(cache_picture_id(cache, hash, true, &picture, e));
    TRY(cache_prediction_write(cache, variant, picture, row, e));
out:
    return cache_write_end(cache, rc, e);
}

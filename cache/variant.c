#include "cache/db.h"

#include <string.h>

static void bind_text(sqlite3_stmt *stmt, int at, const char *text)
{
    sqlite3_bind_text(stmt, at, text ? text : "", -1, SQLITE_STATIC);
}

static void bind_key(sqlite3_stmt *stmt, const struct cache_variant *variant)
{
    bind_text(stmt, 1, variant->model_hash);
    bind_text(stmt, 2, variant->prep_key);
    bind_text(stmt, 3, variant->precision);
    sqlite3_bind_int(stmt, 4, variant->numeric_version);
}

static enum err_code find(struct cache *cache, const struct cache_variant *variant,
                          int64_t *id, bool *moved, struct err *e)
{
    sqlite3_stmt *stmt;
    bool row;
    enum err_code rc = cache_stmt(cache, STMT_VARIANT_FIND, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    bind_key(stmt, variant);
    rc = cache_step(cache, stmt, &row, e);
    *id = 0;
    if (rc == ERR_OK && row) {
        const char *path = (const char *)sqlite3_column_text(stmt, 1);
        const char *now = variant->model_path ? variant->model_path : "";
        *id = sqlite3_column_int64(stmt, 0);
        *moved = !path || strcmp(path, now) != 0;
    }
    sqlite3_reset(stmt);
    return rc;
}

static enum err_code add(struct cache *cache, const struct cache_variant *variant,
                         int64_t *id, struct err *e)
{
    sqlite3_stmt *stmt;
    enum err_code rc = cache_stmt(cache, STMT_VARIANT_ADD, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    bind_key(stmt, variant);
    bind_text(stmt, 5, variant->model_path);
    bind_text(stmt, 6, variant->arch);
    sqlite3_bind_int(stmt, 7, variant->classes);
    bind_text(stmt, 8, variant->isa);
    rc = cache_step_done(cache, stmt, e);
    *id = sqlite3_last_insert_rowid(cache->db);
    return rc;
}

static enum err_code set_path(struct cache *cache, int64_t id, const char *path,
                              struct err *e)
{
    sqlite3_stmt *stmt;
    enum err_code rc = cache_stmt(cache, STMT_VARIANT_MOVED, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, id);
    bind_text(stmt, 2, path);
    return cache_step_done(cache, stmt, e);
}

enum err_code cache_variant_id(struct cache *cache, const struct cache_variant *variant,
                               int64_t *id, struct err *e)
{
    bool moved = false;
    enum err_code rc = find(cache, variant, id, &moved, e);
    if (rc != ERR_OK || (*id && !moved))
        return rc;
    rc = cache_write_begin(cache, e);
    if (rc != ERR_OK)
        return rc;
    TRY(find(cache, variant, id, &moved, e)); // again, under the lock
    if (*id == 0)
        TRY(add(cache, variant, id, e));
    else if (moved)
        TRY(set_path(cache, *id, variant->model_path, e));
out:
    return cache_write_commit(cache, rc, e);
}

#include "cache/db.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static enum err_code keep(struct cache *cache, const char *hash, const char *json,
                          struct err *e)
{
    sqlite3_stmt *stmt;
    enum err_code rc = cache_stmt(cache, STMT_LABELS_ADD, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_text(stmt, 1, hash, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, json, -1, SQLITE_STATIC);
    return cache_step_done(cache, stmt, e);
}

enum err_code cache_run_labels(struct cache *cache, int64_t run, const char *json,
                               struct err *e)
{
    sqlite3_stmt *stmt;
    char hash[40];
    enum err_code rc = cache_write_begin(cache, e);
    if (rc != ERR_OK)
        return rc;
    struct cache_hash h = cache_hash_bytes(json, strlen(json));
    (void)snprintf(hash, sizeof hash, "%016" PRIx64 "%016" PRIx64, h.hi, h.lo);
    TRY(keep(cache, hash, json, e));
    TRY(cache_stmt(cache, STMT_RUN_LABELS, &stmt, e));
    sqlite3_bind_int64(stmt, 1, run);
    sqlite3_bind_text(stmt, 2, hash, -1, SQLITE_STATIC);
    TRY(cache_step_done(cache, stmt, e));
out:
    return cache_write_commit(cache, rc, e);
}

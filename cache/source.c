#include "cache/db.h"

#include "base/mem.h"

#include <stdlib.h>

enum err_code cache_source_add(struct cache *cache, int64_t run,
                               const struct cache_source *source, struct err *e)
{
    sqlite3_stmt *stmt;
    enum err_code rc = cache_stmt(cache, STMT_SOURCE_ADD, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, run);
    sqlite3_bind_text(stmt, 2, source->path, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 3, source->host, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 4, source->merged);
    sqlite3_bind_int64(stmt, 5, source->rows);
    return cache_step_done(cache, stmt, e);
}

enum err_code cache_run_sources(struct cache *cache, int64_t run,
                                struct cache_source **out, size_t *count, struct err *e)
{
    sqlite3_stmt *stmt;
    bool row;
    size_t cap = 0;
    *out = NULL;
    *count = 0;
    enum err_code rc = cache_stmt(cache, STMT_SOURCE_LIST, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, run);
    while ((rc = cache_step(cache, stmt, &row, e)) == ERR_OK && row) {
        if (!mem_grow(out, &cap, *count + 1, sizeof **out)) {
            rc = err_set(e, ERR_NOMEM, "%s: no memory for the sources", cache->path);
            break;
        }
        (*out)[(*count)++] = (struct cache_source){
            cache_column_dup(stmt, 0), cache_column_dup(stmt, 1),
            sqlite3_column_int64(stmt, 2), sqlite3_column_int64(stmt, 3)};
    }
    sqlite3_reset(stmt);
    if (rc != ERR_OK) {
        cache_sources_release(*out, *count);
        *out = NULL;
        *count = 0;
    }
    return rc;
}

void cache_sources_release(struct cache_source *sources, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(sources[i].path);
        free(sources[i].host);
    }
    free(sources);
}

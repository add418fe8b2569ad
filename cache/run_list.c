#include "cache/db.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

static struct cache_run run_of(sqlite3_stmt *stmt)
{
    return (struct cache_run){
        .id = sqlite3_column_int64(stmt, 0),
        .name = cache_column_dup(stmt, 1),
        .dataset = cache_column_dup(stmt, 2),
        .model_path = cache_column_dup(stmt, 3),
        .model_hash = cache_column_dup(stmt, 4),
        .arch = cache_column_dup(stmt, 5),
        .precision = cache_column_dup(stmt, 6),
        .prep_key = cache_column_dup(stmt, 7),
        .classes = sqlite3_column_int(stmt, 8),
        .labels = sqlite3_column_type(stmt, 19) == SQLITE_NULL
                      ? NULL
                      : cache_column_dup(stmt, 19),
        .started = sqlite3_column_int64(stmt, 9),
        .finished = sqlite3_column_int64(stmt, 10),
        .total = sqlite3_column_int64(stmt, 11),
        .done = sqlite3_column_int64(stmt, 12),
        .failed = sqlite3_column_int64(stmt, 13),
        .labelled = sqlite3_column_int64(stmt, 14),
        .top1 = sqlite3_column_int64(stmt, 15),
        .top5 = sqlite3_column_int64(stmt, 16),
        .state = sqlite3_column_int(stmt, 17) ? RUN_COMPLETE : RUN_PARTIAL,
        .stale = sqlite3_column_int(stmt, 18) != 0,
        .numeric_version = sqlite3_column_int(stmt, 20),
        .host = cache_column_dup(stmt, 21),
    };
}

enum err_code cache_runs(struct cache *cache, struct cache_run **runs, size_t *count,
                         struct err *e)
{
    sqlite3_stmt *stmt;
    bool row;
    size_t cap = 0;
    *runs = NULL;
    *count = 0;
    enum err_code rc = cache_stmt(cache, STMT_RUN_LIST, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    while ((rc = cache_step(cache, stmt, &row, e)) == ERR_OK && row) {
        if (!mem_grow(runs, &cap, *count + 1, sizeof **runs)) {
            rc = err_set(e, ERR_NOMEM, "%s: no memory for the runs", cache->path);
            break;
        }
        (*runs)[(*count)++] = run_of(stmt);
    }
    sqlite3_reset(stmt);
    if (rc != ERR_OK) {
        cache_runs_release(*runs, *count);
        *runs = NULL;
        *count = 0;
    }
    return rc;
}

void cache_run_release(struct cache_run *run)
{
    free(run->name);
    free(run->dataset);
    free(run->model_path);
    free(run->model_hash);
    free(run->arch);
    free(run->precision);
    free(run->prep_key);
    free(run->labels);
    free(run->host);
    *run = (struct cache_run){0};
}

void cache_runs_release(struct cache_run *runs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cache_run_release(&runs[i]);
    free(runs);
}

// An id goes before a name; of several runs with one name the newest counts.
static size_t pick(const struct cache_run *runs, size_t count, const char *which)
{
    long id;
    if (!which)
        return 0;
    if (str_to_long(which, &id))
        for (size_t i = 0; i < count; i++)
            if (runs[i].id == id)
                return i;
    for (size_t i = 0; i < count; i++)
        if (strcmp(runs[i].name, which) == 0)
            return i;
    return count;
}

static enum err_code missing(const struct cache *cache, const char *which,
                             const struct cache_run *runs, size_t count, struct err *e)
{
    struct str list = {0};
    if (count == 0)
        return err_set(e, ERR_MISSING, "%s: holds no runs yet", cache->path);
    for (size_t i = 0; i < count && list.len < ERR_MSG_MAX / 2; i++)
        str_addf(&list, "%s%lld \"%s\"", i ? ", " : "", (long long)runs[i].id,
                 runs[i].name);
    enum err_code rc = err_set(e, ERR_MISSING, "%s: no run \"%s\", expected one of %s",
                               cache->path, which, str_get(&list));
    str_release(&list);
    return rc;
}

enum err_code cache_run_find(struct cache *cache, const char *which,
                             struct cache_run *out, struct err *e)
{
    struct cache_run *runs;
    size_t count;
    *out = (struct cache_run){0};
    enum err_code rc = cache_runs(cache, &runs, &count, e);
    if (rc != ERR_OK)
        return rc;
    size_t at = pick(runs, count, which);
    if (at < count) {
        *out = runs[at];
        runs[at] = (struct cache_run){0};
    } else {
        rc = missing(cache, which, runs, count, e);
    }
    cache_runs_release(runs, count);
    return rc;
}

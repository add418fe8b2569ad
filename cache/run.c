#include "cache/db.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// ---- counters ----

struct counts {
    int done, failed, labelled, top1, top5;
};

static struct counts counts_of(const struct row *row)
{
    return (struct counts){
        .done = row_done(row),
        .failed = row->error != NULL,
        .labelled = row_scored(row),
        .top1 = row_correct(row),
        .top5 = row_scored(row) && row_rank(row) >= 0,
    };
}

enum err_code cache_run_count(struct cache *cache, int64_t run, const struct row *before,
                              const struct row *now, struct err *e)
{
    struct counts minus = before ? counts_of(before) : (struct counts){0};
    struct counts plus = now ? counts_of(now) : (struct counts){0};
    sqlite3_stmt *stmt;
    enum err_code rc = cache_stmt(cache, STMT_RUN_COUNT, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, run);
    sqlite3_bind_int(stmt, 2, plus.done - minus.done);
    sqlite3_bind_int(stmt, 3, plus.failed - minus.failed);
    sqlite3_bind_int(stmt, 4, plus.labelled - minus.labelled);
    sqlite3_bind_int(stmt, 5, plus.top1 - minus.top1);
    sqlite3_bind_int(stmt, 6, plus.top5 - minus.top5);
    TRY(cache_step_done(cache, stmt, e));
    if (sqlite3_changes(cache->db) == 0)
        TRY(err_set(e, ERR_MISSING, "%s: run %lld has been removed", cache->path,
                    (long long)run));
    if (before)
        TRY(cache_cell_add(cache, run, before, -1, e));
    if (now)
        TRY(cache_cell_add(cache, run, now, 1, e));
out:
    return rc;
}

// ---- opening ----

enum err_code cache_run_variant(struct cache *cache, int64_t run, int64_t *variant,
                                struct err *e)
{
    sqlite3_stmt *stmt;
    bool row;
    if (run != 0 && run == cache->last_run) {
        *variant = cache->last_run_variant;
        return ERR_OK;
    }
    enum err_code rc = cache_stmt(cache, STMT_RUN_VARIANT, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, run);
    rc = cache_step(cache, stmt, &row, e);
    if (rc == ERR_OK && !row)
        rc = err_set(e, ERR_MISSING, "%s: no run %lld", cache->path, (long long)run);
    if (rc == ERR_OK) {
        *variant = sqlite3_column_int64(stmt, 0);
        cache->last_run = run;
        cache->last_run_variant = *variant;
    }
    sqlite3_reset(stmt);
    return rc;
}

static enum err_code remove_rows(struct cache *cache, int64_t run, int64_t from,
                                 struct err *e)
{
    sqlite3_stmt *stmt;
    enum err_code rc = cache_stmt(cache, STMT_ROW_REMOVE, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, cache_key(run, from));
    sqlite3_bind_int64(stmt, 2, cache_key(run, CACHE_KEY_LOW));
    return cache_step_done(cache, stmt, e);
}

// The dataset has another size now: places beyond its end mean nothing any more.
static enum err_code resize(struct cache *cache, int64_t run, int64_t total,
                            struct err *e)
{
    struct rowset set = {0};
    int64_t *places = NULL;
    sqlite3_stmt *stmt;
    enum err_code rc = ERR_OK;
    TRY(cache_run_rows(cache, run, &set, &places, e));
    for (size_t i = set.count; i > 0 && places[i - 1] >= total; i--)
        TRY(cache_run_count(cache, run, &set.rows[i - 1], NULL, e));
    TRY(remove_rows(cache, run, total, e));
    TRY(cache_stmt(cache, STMT_RUN_RESIZE, &stmt, e));
    sqlite3_bind_int64(stmt, 1, run);
    sqlite3_bind_int64(stmt, 2, total);
    TRY(cache_step_done(cache, stmt, e));
out:
    rowset_release(&set);
    free(places);
    return rc;
}

static enum err_code find(struct cache *cache, int64_t variant, const char *dataset,
                          int64_t *id, int64_t *total, char **name, struct err *e)
{
    sqlite3_stmt *stmt;
    bool row;
    enum err_code rc = cache_stmt(cache, STMT_RUN_FIND, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, variant);
    sqlite3_bind_text(stmt, 2, dataset, -1, SQLITE_STATIC);
    rc = cache_step(cache, stmt, &row, e);
    *id = 0;
    if (rc == ERR_OK && row) {
        *id = sqlite3_column_int64(stmt, 0);
        *name = cache_column_dup(stmt, 1);
        *total = sqlite3_column_int64(stmt, 2);
    }
    sqlite3_reset(stmt);
    return rc;
}

// "<model> <date>", for a run that nobody named.
static enum err_code default_name(struct cache *cache, int64_t variant, int64_t now,
                                  char **name, struct err *e)
{
    sqlite3_stmt *stmt;
    bool row;
    enum err_code rc = cache_stmt(cache, STMT_VARIANT_PATH, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, variant);
    rc = cache_step(cache, stmt, &row, e);
    if (rc == ERR_OK && !row)
        rc = err_set(e, ERR_MISSING, "%s: no variant %lld", cache->path,
                     (long long)variant);
    if (rc == ERR_OK) {
        time_t seconds = (time_t)now;
        struct tm utc = {0};
        char date[32] = "";
        char *path = cache_column_dup(stmt, 0);
        if (gmtime_r(&seconds, &utc))
            (void)strftime(date, sizeof date, "%Y-%m-%d %H:%M", &utc);
        *name = mem_printf("%s %s", str_basename(path), date);
        free(path);
    }
    sqlite3_reset(stmt);
    return rc;
}

static const char *host_name(char buf[HOST_NAME_MAX + 1])
{
    if (gethostname(buf, HOST_NAME_MAX + 1) != 0)
        buf[0] = '\0';
    buf[HOST_NAME_MAX] = '\0';
    return buf;
}

static enum err_code add(struct cache *cache, int64_t variant, const char *dataset,
                         const char *name, int64_t total, int64_t *id, struct err *e)
{
    char host[HOST_NAME_MAX + 1];
    char *chosen = name ? mem_dup(name) : NULL;
    int64_t now = clock_wall();
    sqlite3_stmt *stmt;
    enum err_code rc = ERR_OK;
    if (!chosen)
        TRY(default_name(cache, variant, now, &chosen, e));
    TRY(cache_stmt(cache, STMT_RUN_ADD, &stmt, e));
    sqlite3_bind_int64(stmt, 1, variant);
    sqlite3_bind_text(stmt, 2, dataset, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 3, chosen, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 4, now);
    sqlite3_bind_int64(stmt, 5, total);
    sqlite3_bind_text(stmt, 6, host_name(host), -1, SQLITE_STATIC);
    TRY(cache_step_done(cache, stmt, e));
    *id = sqlite3_last_insert_rowid(cache->db);
out:
    free(chosen);
    return rc;
}

static enum err_code rename_run(struct cache *cache, int64_t id, const char *name,
                                struct err *e)
{
    sqlite3_stmt *stmt;
    enum err_code rc = cache_stmt(cache, STMT_RUN_RENAME, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, id);
    sqlite3_bind_text(stmt, 2, name, -1, SQLITE_STATIC);
    return cache_step_done(cache, stmt, e);
}

enum err_code cache_run_open(struct cache *cache, int64_t variant, const char *dataset,
                             const char *name, int64_t total, int64_t *id, struct err *e)
{
    char *old_name = NULL;
    int64_t old_total = 0;
    if (total < 0 || total > CACHE_KEY_LOW)
        return err_set(e, ERR_LIMIT, "%s: %lld pictures, expected at most %lld", dataset,
                       (long long)total, (long long)CACHE_KEY_LOW);
    enum err_code rc = cache_write_begin(cache, e);
    if (rc != ERR_OK)
        return rc;
    TRY(find(cache, variant, dataset, id, &old_total, &old_name, e));
    if (*id == 0) {
        TRY(add(cache, variant, dataset, name, total, id, e));
    } else {
        if (total != old_total)
            TRY(resize(cache, *id, total, e));
        if (name && strcmp(name, old_name) != 0)
            TRY(rename_run(cache, *id, name, e));
    }
out:
    free(old_name);
    return cache_write_commit(cache, rc, e);
}

// ---- writing ----

// The row that is at this place now, if any: what its counters came from.
static enum err_code find_row(struct cache *cache, int64_t key, int64_t variant,
                              struct rowset *texts, struct row *row, bool *found,
                              struct err *e)
{
    sqlite3_stmt *stmt;
    bool predicted;
    int64_t picture = 0;
    enum err_code rc = cache_stmt(cache, STMT_ROW_FIND, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, key);
    TRY(cache_step(cache, stmt, found, e));
    if (!*found)
        goto out;
    row->label = sqlite3_column_int(stmt, 0);
    picture = sqlite3_column_int64(stmt, 1);
    if (sqlite3_column_type(stmt, 2) != SQLITE_NULL)
        row->error = rowset_text(texts, "unreadable");
    sqlite3_reset(stmt);
    if (picture != 0)
        rc = cache_prediction_find_key(cache, cache_key(variant, picture), texts, row,
                                       &predicted, e);
out:
    sqlite3_reset(stmt);
    return rc;
}

static enum err_code put_row(struct cache *cache, int64_t key, int64_t picture,
                             const struct row *row, struct err *e)
{
    sqlite3_stmt *stmt;
    enum err_code rc = cache_stmt(cache, STMT_ROW_PUT, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, key);
    sqlite3_bind_int64(stmt, 2, picture);
    sqlite3_bind_int(stmt, 3, row->label);
    sqlite3_bind_text(stmt, 4, row->file ? row->file : "", -1, SQLITE_STATIC);
    // With a picture the error is the prediction's, as it is the same for every run.
    sqlite3_bind_text(stmt, 5, picture ? NULL : row->error, -1, SQLITE_STATIC);
    return cache_step_done(cache, stmt, e);
}

static enum err_code put_prediction(struct cache *cache, int64_t variant,
                                    struct cache_hash hash, const struct row *row,
                                    int64_t *picture, struct err *e)
{
    enum err_code rc = cache_picture_id(cache, hash, true, picture, e);
    return rc == ERR_OK ? cache_prediction_write(cache, variant, *picture, row, e) : rc;
}

enum err_code cache_run_put(struct cache *cache, int64_t run, int64_t place,
                            const struct cache_hash *hash, const struct row *row,
                            struct err *e)
{
    struct rowset texts = {0};
    struct row before = {0};
    bool found = false;
    int64_t variant = 0, picture = 0;
    if (place < 0 || place > CACHE_KEY_LOW)
        return err_set(e, ERR_LIMIT, "%s: place %lld in a run, expected 0 to %lld",
                       cache->path, (long long)place, (long long)CACHE_KEY_LOW);
    int64_t key = cache_key(run, place);
    enum err_code rc = cache_write_begin(cache, e);
    if (rc != ERR_OK)
        return rc;
    TRY(cache_run_variant(cache, run, &variant, e));
    // First, so that what was here before is counted as it is stored from now on.
    if (hash)
        TRY(put_prediction(cache, variant, *hash, row, &picture, e));
    TRY(find_row(cache, key, variant, &texts, &before, &found, e));
    TRY(put_row(cache, key, picture, row, e));
    TRY(cache_run_count(cache, run, found ? &before : NULL, row, e));
out:
    rowset_release(&texts);
    return cache_write_end(cache, rc, e);
}

enum err_code cache_run_finish(struct cache *cache, int64_t run, struct err *e)
{
    sqlite3_stmt *stmt;
    enum err_code rc = cache_write_begin(cache, e);
    if (rc != ERR_OK)
        return rc;
    TRY(cache_stmt(cache, STMT_RUN_FINISH, &stmt, e));
    sqlite3_bind_int64(stmt, 1, run);
    sqlite3_bind_int64(stmt, 2, clock_wall());
    TRY(cache_step_done(cache, stmt, e));
out:
    return cache_write_commit(cache, rc, e);
}

// Statements about a run that have nothing else to bind.
static enum err_code about_run(struct cache *cache, enum cache_stmt_id id, int64_t run,
                               struct err *e)
{
    sqlite3_stmt *stmt;
    enum err_code rc = cache_stmt(cache, id, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    sqlite3_bind_int64(stmt, 1, run);
    return cache_step_done(cache, stmt, e);
}

static enum err_code empty_run(struct cache *cache, int64_t run, int64_t variant,
                               struct err *e)
{
    sqlite3_stmt *stmt;
    enum err_code rc;
    TRY(cache_stmt(cache, STMT_PREDICTION_REMOVE, &stmt, e));
    sqlite3_bind_int64(stmt, 1, run);
    sqlite3_bind_int64(stmt, 2, variant);
    TRY(cache_step_done(cache, stmt, e));
    TRY(remove_rows(cache, run, 0, e));
    TRY(about_run(cache, STMT_CELL_REMOVE, run, e));
    TRY(about_run(cache, STMT_SOURCE_REMOVE, run, e));
out:
    return rc;
}

enum err_code cache_run_clear(struct cache *cache, int64_t run, struct err *e)
{
    int64_t variant;
    enum err_code rc = cache_write_begin(cache, e);
    if (rc != ERR_OK)
        return rc;
    TRY(cache_run_variant(cache, run, &variant, e));
    TRY(empty_run(cache, run, variant, e));
    TRY(about_run(cache, STMT_RUN_CLEAR, run, e));
out:
    return cache_write_commit(cache, rc, e);
}

enum err_code cache_run_remove(struct cache *cache, int64_t run, struct err *e)
{
    int64_t variant;
    enum err_code rc = cache_write_begin(cache, e);
    if (rc != ERR_OK)
        return rc;
    TRY(cache_run_variant(cache, run, &variant, e));
    TRY(empty_run(cache, run, variant, e));
    TRY(about_run(cache, STMT_RUN_REMOVE, run, e));
    TRY(about_run(cache, STMT_VARIANT_REMOVE, variant, e));
out:
    cache->last_run = 0;
    return cache_write_commit(cache, rc, e);
}

#include "cache/db.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

enum { BUSY_MS = 10000, BUSY_MS_MAX = 3600000 };
static const double BATCH_SECONDS = 1.0;

static const char *const sql_of[] = {
#define STMT(name, sql) sql,
#include "cache/stmt.def"
#undef STMT
};

// SQLite's own busy handler sleeps up to 100 ms and would rarely meet the short gap
// between the batches of a busy writer; this one looks every millisecond.
static int wait_for_lock(void *ctx, int tries)
{
    struct cache *cache = ctx;
    double now = clock_now();
    if (tries == 0)
        cache->wait_start = now;
    if (now - cache->wait_start > cache->busy_seconds)
        return 0;
    clock_sleep(0.001);
    return 1;
}

enum err_code cache_exec(struct cache *cache, const char *sql, struct err *e)
{
    int rc = sqlite3_exec(cache->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? ERR_OK : cache_error(cache, rc, "cannot use", e);
}

enum err_code cache_pragma_int(struct cache *cache, const char *sql, int64_t *out,
                               struct err *e)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(cache->db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int64(stmt, 0);
    enum err_code result =
        rc == SQLITE_ROW ? ERR_OK : cache_error(cache, rc, "cannot read", e);
    sqlite3_finalize(stmt);
    return result;
}

enum err_code cache_stmt(struct cache *cache, enum cache_stmt_id id, sqlite3_stmt **out,
                         struct err *e)
{
    sqlite3_stmt **slot = &cache->stmts[id];
    *out = NULL;
    if (*slot) {
        sqlite3_reset(*slot);
    } else {
        int rc = sqlite3_prepare_v3(cache->db, sql_of[id], -1, SQLITE_PREPARE_PERSISTENT,
                                    slot, NULL);
        if (rc != SQLITE_OK)
            return cache_error(cache, rc, "cannot use", e);
    }
    *out = *slot;
    return ERR_OK;
}

enum err_code cache_step(struct cache *cache, sqlite3_stmt *stmt, bool *row,
                         struct err *e)
{
    int rc = sqlite3_step(stmt);
    *row = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW)
        return ERR_OK;
    enum err_code result = ERR_OK;
    if (rc != SQLITE_DONE)
        result = cache_error(
            cache, rc, sqlite3_stmt_readonly(stmt) ? "cannot read" : "cannot write", e);
    sqlite3_reset(stmt);
    return result;
}

enum err_code cache_step_done(struct cache *cache, sqlite3_stmt *stmt, struct err *e)
{
    bool row;
    enum err_code rc = cache_step(cache, stmt, &row, e);
    sqlite3_reset(stmt);
    return rc;
}

static enum err_code run_stmt(struct cache *cache, enum cache_stmt_id id, struct err *e)
{
    sqlite3_stmt *stmt;
    enum err_code rc = cache_stmt(cache, id, &stmt, e);
    return rc == ERR_OK ? cache_step_done(cache, stmt, e) : rc;
}

enum err_code cache_write_begin(struct cache *cache, struct err *e)
{
    if (cache->in_batch)
        return ERR_OK;
    enum err_code rc = run_stmt(cache, STMT_BEGIN, e);
    cache->in_batch = rc == ERR_OK;
    cache->batch_start = clock_now();
    return rc;
}

// The error of what went wrong is the one to report, so this has none of its own.
static void roll_back(struct cache *cache)
{
    for (int i = 0; i < STMT_COUNT; i++)
        sqlite3_reset(cache->stmts[i]);
    if (!sqlite3_get_autocommit(cache->db))
        sqlite3_exec(cache->db, "ROLLBACK", NULL, NULL, NULL);
    cache->in_batch = cache->held = false;
    cache->last_run = 0;
}

enum err_code cache_hold(struct cache *cache, struct err *e)
{
    enum err_code rc = cache_commit(cache, e);
    if (rc == ERR_OK)
        rc = cache_write_begin(cache, e);
    cache->held = rc == ERR_OK;
    return rc;
}

void cache_undo(struct cache *cache)
{
    if (cache->in_batch)
        roll_back(cache);
}

enum err_code cache_commit(struct cache *cache, struct err *e)
{
    if (!cache->in_batch)
        return ERR_OK;
    enum err_code rc = run_stmt(cache, STMT_COMMIT, e);
    if (rc != ERR_OK) {
        roll_back(cache);
        return rc;
    }
    cache->in_batch = cache->held = false;
    // Without this gap a writer that never pauses would keep all others out.
    if (clock_now() - cache->batch_start >= BATCH_SECONDS / 4)
        clock_sleep(0.003);
    return ERR_OK;
}

enum err_code cache_write_end(struct cache *cache, enum err_code rc, struct err *e)
{
    if (rc != ERR_OK) {
        roll_back(cache);
        return rc;
    }
    bool due = clock_now() - cache->batch_start >= BATCH_SECONDS;
    return due && !cache->held ? cache_commit(cache, e) : ERR_OK;
}

enum err_code cache_write_commit(struct cache *cache, enum err_code rc, struct err *e)
{
    rc = cache_write_end(cache, rc, e);
    return rc == ERR_OK && !cache->held ? cache_commit(cache, e) : rc;
}

char *cache_column_dup(sqlite3_stmt *stmt, int column)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    return mem_dup(text ? text : "");
}

// A database file is not trusted: no SQL hidden in its schema runs.
static enum err_code connect(struct cache *cache, bool create, struct err *e)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    int rc = sqlite3_open_v2(cache->path, &cache->db,
                             flags | (create ? SQLITE_OPEN_CREATE : 0), NULL);
    if (rc != SQLITE_OK)
        return cache_error(cache, rc, "cannot open", e);
    sqlite3_extended_result_codes(cache->db, 1);
    sqlite3_busy_handler(cache->db, wait_for_lock, cache);
    sqlite3_db_config(cache->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(cache->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    rc = cache_rows_init(cache->db);
    if (rc != SQLITE_OK)
        return cache_error(cache, rc, "cannot open", e);
    // NORMAL in WAL mode: kill -9 loses nothing committed. The page cache holds the
    // indices of a million pictures.
    return cache_exec(cache,
                      "PRAGMA synchronous = NORMAL;"
                      "PRAGMA cache_size = -" CACHE_PAGES_KIB ";"
                      "PRAGMA cell_size_check = 1",
                      e);
}

static enum err_code make_parent(const char *path, struct err *e)
{
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return ERR_OK;
    char *parent = mem_dup_n(path, (size_t)(slash - path));
    enum err_code rc = file_make_dirs(parent, e);
    free(parent);
    return rc;
}

static enum err_code read_patience(struct cache *cache, struct err *e)
{
    const char *text = getenv("XLENS_BUSY_MS");
    long ms = BUSY_MS;
    if (text && (!str_to_long(text, &ms) || ms < 0 || ms > BUSY_MS_MAX))
        return err_set(e, ERR_USAGE,
                       "XLENS_BUSY_MS=%s: expected milliseconds from 0 to %d", text,
                       BUSY_MS_MAX);
    cache->busy_seconds = (double)ms / 1000.0;
    return ERR_OK;
}

enum err_code cache_open(const char *path, bool create, struct cache **out, struct err *e)
{
    *out = NULL;
    bool there = file_exists(path);
    if (!there && !create)
        return err_set(e, ERR_MISSING, "%s: no such database", path);
    if (there && file_is_dir(path))
        return err_set(e, ERR_FORMAT, "%s: is a folder, expected a database file", path);
    struct cache *cache = mem_new(sizeof *cache);
    cache->path = mem_dup(path);
    enum err_code rc;
    TRY(read_patience(cache, e));
    if (!there)
        TRY(make_parent(path, e));
    TRY(connect(cache, create, e));
    // SQLite does not wait for a lock that two processes creating one database could
    // both hold half of; then the whole check is made again.
    double start = clock_now();
    while ((rc = cache_schema_check(cache, e)) == ERR_BUSY &&
           clock_now() - start < cache->busy_seconds)
        clock_sleep(0.005);
out:
    if (rc == ERR_OK) {
        *out = cache;
        cache = NULL;
    }
    cache_close(cache);
    return rc;
}

enum err_code cache_open_bulk(const char *path, struct cache **out, struct err *e)
{
    enum err_code rc = cache_open(path, true, out, e);
    if (rc != ERR_OK || !*out)
        return rc;
    // A defensive connection would leave the journal on without a word. In a log of
    // millions of pages each one is looked for in thousands of places.
    sqlite3_db_config((*out)->db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    rc = cache_exec(*out, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", e);
    if (rc != ERR_OK) {
        cache_close(*out);
        *out = NULL;
    }
    return rc;
}

void cache_close(struct cache *cache)
{
    if (!cache)
        return;
    if (cache->held)
        roll_back(cache);
    (void)!cache_commit(cache, NULL);
    for (int i = 0; i < STMT_COUNT; i++)
        sqlite3_finalize(cache->stmts[i]);
    sqlite3_close(cache->db);
    free(cache->path);
    free(cache);
}

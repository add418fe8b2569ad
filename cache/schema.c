#include "cache/db.h"

#include <stddef.h>

// "xlen", so that a database of another program is told apart.
static const int64_t APPLICATION = 0x786c656e;

// steps[v] brings a database of version v to v + 1. Steps are never edited once released.
static const char *const steps[] = {
    "CREATE TABLE variant ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " model_hash TEXT NOT NULL, prep_key TEXT NOT NULL, precision TEXT NOT NULL,"
    " numeric_version INTEGER NOT NULL,"
    " model_path TEXT NOT NULL, arch TEXT NOT NULL, classes INTEGER NOT NULL,"
    " isa TEXT NOT NULL,"
    " UNIQUE (model_hash, prep_key, precision, numeric_version));"

    // Content of a file: the two halves of its xxh3 128-bit hash. Only one half is in the
    // index; that is 8 bytes a picture, and a clash costs one more comparison.
    "CREATE TABLE picture ("
    " id INTEGER PRIMARY KEY, lo INTEGER NOT NULL, hi INTEGER NOT NULL);"
    "CREATE INDEX picture_lo ON picture (lo);"

    // A file is known by the hash of its absolute path: its name is kept in run_row only.
    "CREATE TABLE file ("
    " path_hash INTEGER PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,"
    " picture INTEGER NOT NULL);"

    // key = variant << 32 | picture. top: (int32 class, float32 probability) pairs.
    "CREATE TABLE prediction (key INTEGER PRIMARY KEY, top BLOB NOT NULL, error TEXT);"

    "CREATE TABLE run ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " variant INTEGER NOT NULL, dataset TEXT NOT NULL, name TEXT NOT NULL,"
    " started INTEGER NOT NULL, finished INTEGER NOT NULL DEFAULT 0,"
    " total INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0,"
    " done INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0,"
    " labelled INTEGER NOT NULL DEFAULT 0, top1 INTEGER NOT NULL DEFAULT 0,"
    " top5 INTEGER NOT NULL DEFAULT 0, labels INTEGER NOT NULL DEFAULT 0,"
    " UNIQUE (variant, dataset));"

    // Class names as JSON, once however many runs use them. run.labels 0: none kept.
    "CREATE TABLE labels ("
    " id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, json TEXT NOT NULL);"

    // key = run << 32 | place. picture 0: the file could not be read, error says why.
    "CREATE TABLE run_row ("
    " key INTEGER PRIMARY KEY, picture INTEGER NOT NULL, label INTEGER NOT NULL,"
    " file TEXT NOT NULL, error TEXT);"

    // pid_start tells a process from a later one with the same number.
    "CREATE TABLE job ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL DEFAULT 0,"
    " pid INTEGER NOT NULL, pid_start INTEGER NOT NULL,"
    " dataset TEXT NOT NULL, model_path TEXT NOT NULL, message TEXT,"
    " started INTEGER NOT NULL, updated INTEGER NOT NULL,"
    " done INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0,"
    " state INTEGER NOT NULL DEFAULT 0, told INTEGER NOT NULL DEFAULT 0);",

    // How many rows of a run are alike (row_cell), so that statistics need no rows.
    "CREATE TABLE run_cell ("
    " run INTEGER NOT NULL, truth INTEGER NOT NULL, predicted INTEGER NOT NULL,"
    " bin INTEGER NOT NULL, count INTEGER NOT NULL, top5 INTEGER NOT NULL,"
    " confidence INTEGER NOT NULL, PRIMARY KEY (run, truth, predicted, bin))"
    " WITHOUT ROWID;"

    // Databases whose rows were merged into a run, and the machines they came from.
    "CREATE TABLE source ("
    " run INTEGER NOT NULL, path TEXT NOT NULL, host TEXT NOT NULL,"
    " merged INTEGER NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY (run, path, host))"
    " WITHOUT ROWID;"
    "ALTER TABLE run ADD COLUMN host TEXT NOT NULL DEFAULT '';",
};

// The version whose runs have cells.
enum { CELLS = 2 };

enum { VERSION = sizeof steps / sizeof *steps };

static enum err_code read_version(struct cache *cache, int64_t *version, struct err *e)
{
    int64_t application = 0, tables = 0;
    enum err_code rc = ERR_OK;
    TRY(cache_pragma_int(cache, "PRAGMA application_id", &application, e));
    TRY(cache_pragma_int(cache, "PRAGMA user_version", version, e));
    TRY(cache_pragma_int(cache, "SELECT count(*) FROM sqlite_schema", &tables, e));
    if (application != APPLICATION && (tables || *version))
        return err_set(e, ERR_FORMAT,
                       "%s: a SQLite database of another program, expected one of xlens",
                       cache->path);
    if (*version < 0 || *version > VERSION)
        return err_set(
            e, ERR_FORMAT,
            "%s: written by a newer xlens (database version %lld), expected at "
            "most version %d",
            cache->path, (long long)*version, VERSION);
out:
    return rc;
}

static enum err_code migrate(struct cache *cache, struct err *e)
{
    int64_t version = 0;
    enum err_code rc = cache_write_begin(cache, e);
    if (rc != ERR_OK)
        return rc;
    // Again, under the lock: another process may have been quicker.
    TRY(read_version(cache, &version, e));
    if (version < VERSION) {
        char *sql =
            sqlite3_mprintf("PRAGMA application_id = %lld; PRAGMA user_version = %d",
                            (long long)APPLICATION, VERSION);
        rc = sql ? ERR_OK : cache_error(cache, SQLITE_NOMEM, "cannot migrate", e);
        for (int64_t v = version; rc == ERR_OK && v < VERSION; v++)
            rc = cache_exec(cache, steps[v], e);
        if (rc == ERR_OK && version > 0 && version < CELLS)
            rc = cache_recount(cache, NULL, e);
        if (rc == ERR_OK)
            rc = cache_exec(cache, sql, e);
        sqlite3_free(sql);
    }
out:
    return cache_write_commit(cache, rc, e);
}

enum err_code cache_schema_check(struct cache *cache, struct err *e)
{
    int64_t version = 0;
    // One snapshot for the three reads: another process may be creating the file.
    enum err_code rc = cache_exec(cache, "BEGIN", e);
    if (rc != ERR_OK)
        return rc;
    rc = read_version(cache, &version, e);
    enum err_code ended = cache_exec(cache, "COMMIT", rc == ERR_OK ? e : NULL);
    if (rc != ERR_OK || ended != ERR_OK)
        return rc != ERR_OK ? rc : ended;
    // Only now is it known to be ours to write to.
    if (!sqlite3_db_readonly(cache->db, "main"))
        rc = cache_exec(cache, "PRAGMA journal_mode = WAL", e);
    if (rc == ERR_OK && version < VERSION)
        rc = migrate(cache, e);
    return rc;
}

#ifndef CACHE_DB_H
#define CACHE_DB_H

// Inside the cache room: the connection, its statements and its batch. Nothing outside
// cache/ includes this.

#include "cache/cache.h"
#include "cache/merge.h"

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

enum cache_stmt_id {
#define STMT(name, sql) STMT_##name,
#include "cache/stmt.def"
#undef STMT
    STMT_COUNT
};

struct cache {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *stmts[STMT_COUNT]; // prepared at first use
    bool in_batch;
    bool held;           // the batch ends by cache_commit alone
    double batch_start;  // clock_now of its first write
    double wait_start;   // of the lock being waited for
    double busy_seconds; // how long to wait for it

    // The run and the prediction written last: most writes come in pairs about them.
    int64_t last_run, last_run_variant;
};

// Of the file that a connection keeps in memory.
#define CACHE_PAGES_KIB "65536"

// Keys of run_row and prediction: the owner's id above 32 bits of place or picture, so
// that one run or variant is one range of a rowid table.
enum { CACHE_KEY_SHIFT = 32 };
static const int64_t CACHE_KEY_LOW = INT64_C(0xffffffff);
static inline int64_t cache_key(int64_t owner, int64_t low)
{
    return owner << CACHE_KEY_SHIFT | low;
}

// ---- error.c ----

// What SQLite says of a result code, with the database's name, as our code.
enum err_code cache_error(const struct cache *cache, int sqlite_rc, const char *verb,
                          struct err *e);

// ---- db.c ----

// cache_open, for a new file that nobody knows of until it is whole: no journal and no
// waiting for the disk. After an error the file is good for nothing.
enum err_code cache_open_bulk(const char *path, struct cache **out,
                              struct err *e) MUST_CHECK;

// A statement ready to bind, reset when it was used before.
enum err_code cache_stmt(struct cache *cache, enum cache_stmt_id id, sqlite3_stmt **out,
                         struct err *e) MUST_CHECK;

// Steps once: *row tells whether there is one. cache_step_done wants none.
enum err_code cache_step(struct cache *cache, sqlite3_stmt *stmt, bool *row,
                         struct err *e) MUST_CHECK;
enum err_code cache_step_done(struct cache *cache, sqlite3_stmt *stmt,
                              struct err *e) MUST_CHECK;

enum err_code cache_exec(struct cache *cache, const char *sql, struct err *e) MUST_CHECK;
enum err_code cache_pragma_int(struct cache *cache, const char *sql, int64_t *out,
                               struct err *e) MUST_CHECK;

// Around every write: begin opens a batch when there is none, end commits it when it is
// a second old, and rolls the whole batch back when rc is an error. Returns rc, or the
// error of committing.
enum err_code cache_write_begin(struct cache *cache, struct err *e) MUST_CHECK;
enum err_code cache_write_end(struct cache *cache, enum err_code rc,
                              struct err *e) MUST_CHECK;

// The same, but commits at once: for rows that other processes wait for.
enum err_code cache_write_commit(struct cache *cache, enum err_code rc,
                                 struct err *e) MUST_CHECK;

// Column text as malloc'ed memory, "" for NULL.
char *cache_column_dup(sqlite3_stmt *stmt, int column) MUST_CHECK;

// ---- schema.c ----

// Refuses what is not ours or newer, creates or migrates the rest.
enum err_code cache_schema_check(struct cache *cache, struct err *e) MUST_CHECK;

// ---- picture.c ----

// Id of the picture with this content; made when `make`, else 0 when it is not there.
enum err_code cache_picture_id(struct cache *cache, struct cache_hash hash, bool make,
                               int64_t *id, struct err *e) MUST_CHECK;

// Fills count, top, prob and error of a row from the columns of a prediction; gives a
// result code of SQLite.
int cache_prediction_read(const void *top, int bytes, const char *error,
                          struct rowset *set, struct row *row) MUST_CHECK;

enum err_code cache_prediction_find_key(struct cache *cache, int64_t key,
                                        struct rowset *set, struct row *row, bool *found,
                                        struct err *e) MUST_CHECK;

// Writes the prediction of a picture unless it is there already; when it changes one, the
// counters of all runs that have the picture follow.
enum err_code cache_prediction_write(struct cache *cache, int64_t variant,
                                     int64_t picture, const struct row *row,
                                     struct err *e) MUST_CHECK;

// ---- rows.c ----

// Registers the SQL functions that rows are read with.
int cache_rows_init(sqlite3 *db) MUST_CHECK;

// ---- merge.c ----

// How far a merge has come: in rows read of any table.
struct cache_pace {
    const struct cache_merge *what;
    size_t rows;        // of the shards' runs
    size_t steps, last; // so far, and about how many there will be
};

// One more. ERR_INTERRUPTED once the merge was cancelled.
enum err_code cache_pace_step(struct cache_pace *pace, struct err *e) MUST_CHECK;

// ---- cell.c ----

// Adds a row to the cell of its kind, or takes it away (times -1).
enum err_code cache_cell_add(struct cache *cache, int64_t run, const struct row *row,
                             int times, struct err *e) MUST_CHECK;

// Makes the cells and the counters of all runs anew from their rows; pace may be NULL.
enum err_code cache_recount(struct cache *cache, struct cache_pace *pace,
                            struct err *e) MUST_CHECK;

// ---- source.c ----

// Notes where rows of a run came from; the same again changes nothing.
enum err_code cache_source_add(struct cache *cache, int64_t run,
                               const struct cache_source *source,
                               struct err *e) MUST_CHECK;

// ---- shard.c ----

// All of a database into another one; the runs there are to be counted anew when it has
// changed anything.
enum err_code cache_shard_merge(struct cache *to, const char *path,
                                struct cache_pace *pace, struct cache_merged *result,
                                bool *changed, struct err *e) MUST_CHECK;

// ---- run.c ----

// Adds what `now` counts and takes away what `before` did, in the counters and in the
// cells; either may be NULL.
enum err_code cache_run_count(struct cache *cache, int64_t run, const struct row *before,
                              const struct row *now, struct err *e) MUST_CHECK;

enum err_code cache_run_variant(struct cache *cache, int64_t run, int64_t *variant,
                                struct err *e) MUST_CHECK;

#endif

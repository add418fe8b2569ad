#ifndef CACHE_H
#define CACHE_H

// Predictions kept in one SQLite file (WAL); the only room that includes sqlite3.h.
// One `struct cache` is one connection and belongs to one thread; several processes may
// have the same file open, and a writer waits for the others up to a time-out (ERR_BUSY;
// XLENS_BUSY_MS in the environment, 10000 without).
// Predictions, files and rows gather in a transaction that cache_commit (or the first
// write after one second) ends, so kill -9 loses at most that second; the transaction
// keeps other writers waiting, so commit before idling. Variants, runs and jobs are
// committed at once. A write that fails takes the whole batch with it.

#include "cache/row.h"

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cache;

// Opens or creates. A database of a newer version is refused, an older one migrated in a
// transaction. create false: ERR_MISSING when the file is not there.
enum err_code cache_open(const char *path, bool create, struct cache **out,
                         struct err *e) MUST_CHECK;
void cache_close(struct cache *cache); // commits first

// ---- variants: everything besides the picture that a prediction depends on ----

enum { CACHE_FOREIGN = 0 };

struct cache_variant {
    const char *model_hash; // hex
    const char *prep_key;   // ds_prep_key
    const char *precision;  // "float32", …
    int numeric_version;    // ENG_NUMERIC_VERSION; CACHE_FOREIGN: computed elsewhere
    const char *model_path; // for people; the newest one seen is kept
    const char *arch;
    int classes;
    const char *isa; // that first computed it; for people
};
enum err_code cache_variant_id(struct cache *cache, const struct cache_variant *variant,
                               int64_t *id, struct err *e) MUST_CHECK;

// ---- pictures and predictions ----

// Content hash (xxh3, 128 bits) of a picture's file.
struct cache_hash {
    uint64_t hi, lo;
};
struct cache_hash cache_hash_bytes(const void *data, size_t len);

// What is known of a file by path, size and modification time, so that a second run need
// not read the pictures again. found is false when it changed or is new.
struct cache_stat {
    int64_t size;
    int64_t mtime_ns;
};
enum err_code cache_file_find(struct cache *cache, const char *path,
                              const struct cache_stat *stat, struct cache_hash *hash,
                              bool *found, struct err *e) MUST_CHECK;
enum err_code cache_file_put(struct cache *cache, const char *path,
                             const struct cache_stat *stat, struct cache_hash hash,
                             struct err *e) MUST_CHECK;

// The prediction for a picture; fills count, top, prob and error of row (error is copied
// into `set`). found false: not there.
enum err_code cache_prediction_find(struct cache *cache, int64_t variant,
                                    struct cache_hash hash, struct rowset *set,
                                    struct row *row, bool *found,
                                    struct err *e) MUST_CHECK;
enum err_code cache_prediction_put(struct cache *cache, int64_t variant,
                                   struct cache_hash hash, const struct row *row,
                                   struct err *e) MUST_CHECK;
enum err_code cache_commit(struct cache *cache, struct err *e) MUST_CHECK;

// From cache_hold to the next cache_commit all writes are one transaction, however long;
// cache_undo, an error or cache_close before that takes all of them back. Other writers
// wait meanwhile.
enum err_code cache_hold(struct cache *cache, struct err *e) MUST_CHECK;
void cache_undo(struct cache *cache);

// ---- runs: one variant over one dataset ----

enum cache_run_state { RUN_PARTIAL, RUN_COMPLETE };

struct cache_run {
    int64_t id;
    char *name;    // chosen, or "<model> <date>"
    char *dataset; // absolute path
    char *model_path, *model_hash, *arch, *precision, *prep_key;
    char *labels; // as given to cache_run_labels, or NULL
    int classes;
    int64_t started, finished;                  // UTC seconds, 0 while partial
    int64_t total;                              // pictures in the dataset
    int64_t done, failed, labelled, top1, top5; // kept incrementally
    enum cache_run_state state;
    bool stale; // the engine's numeric version has moved on since
    int numeric_version;
    char *host; // that began it; "" when unknown
};

// The run of this variant over this dataset, made when it is new, resumed when it is
// there. A name renames; another total drops the rows beyond it.
enum err_code cache_run_open(struct cache *cache, int64_t variant, const char *dataset,
                             const char *name, int64_t total, int64_t *id,
                             struct err *e) MUST_CHECK;

// The class names that the run's indices stand for, as JSON, when they are not the
// built-in ones.
enum err_code cache_run_labels(struct cache *cache, int64_t run, const char *json,
                               struct err *e) MUST_CHECK;

// Records that item `place` of the run (dataset order) is this row; replaces an earlier
// one and keeps the run's counters true. The picture's prediction is put along with it.
// hash may be NULL when the file could not be read.
enum err_code cache_run_put(struct cache *cache, int64_t run, int64_t place,
                            const struct cache_hash *hash, const struct row *row,
                            struct err *e) MUST_CHECK;

// Sets RUN_COMPLETE when every picture has its row.
enum err_code cache_run_finish(struct cache *cache, int64_t run,
                               struct err *e) MUST_CHECK;

// All runs, newest first. Release with cache_runs_release.
enum err_code cache_runs(struct cache *cache, struct cache_run **runs, size_t *count,
                         struct err *e) MUST_CHECK;
void cache_runs_release(struct cache_run *runs, size_t count);

// One run by id ("3"), name, or NULL for the newest; ERR_MISSING lists what there is.
enum err_code cache_run_find(struct cache *cache, const char *which,
                             struct cache_run *out, struct err *e) MUST_CHECK;
void cache_run_release(struct cache_run *run);

// Rows of a run, ordered by place. places (malloc'ed, may be NULL) gets their places.
enum err_code cache_run_rows(struct cache *cache, int64_t run, struct rowset *out,
                             int64_t **places, struct err *e) MUST_CHECK;

// The same rows handed over one by one, in memory that does not grow with the run;
// ordered by place, or bytewise by file. A row lives until fn returns; its error ends the
// walk.
typedef enum err_code cache_row_fn(void *ctx, const struct row *row, struct err *e);
enum cache_order { CACHE_BY_PLACE, CACHE_BY_FILE };
enum err_code cache_run_each(struct cache *cache, int64_t run, enum cache_order order,
                             cache_row_fn *fn, void *ctx, struct err *e) MUST_CHECK;

// What is read from now on is the database as it is now, however often the rows are
// walked and whoever writes meanwhile. Ends with cache_close; nothing is written before.
enum err_code cache_freeze(struct cache *cache, struct err *e) MUST_CHECK;

// How many rows of a run are alike; kept incrementally, so reading them takes the same
// time for a thousand pictures and for ten million. malloc'ed, ordered by truth,
// predicted and bin.
enum err_code cache_run_cells(struct cache *cache, int64_t run, struct row_cell **out,
                              size_t *count, struct err *e) MUST_CHECK;

// Removes a run and the predictions that no other run needs; clear keeps the empty run.
enum err_code cache_run_remove(struct cache *cache, int64_t run,
                               struct err *e) MUST_CHECK;
enum err_code cache_run_clear(struct cache *cache, int64_t run, struct err *e) MUST_CHECK;

// ---- jobs: detached evaluations, one row each ----

enum cache_job_state { JOB_RUNNING, JOB_PAUSED, JOB_DONE, JOB_STOPPED, JOB_FAILED };
enum cache_job_order { JOB_GO, JOB_PAUSE, JOB_STOP };

struct cache_job {
    int64_t id, run, pid;
    char *dataset, *model_path, *message; // message: the error of a failed one, or NULL
    int64_t started, updated;             // UTC seconds
    int64_t done, total;
    enum cache_job_state state; // JOB_FAILED also when its process is gone
};

enum err_code cache_job_add(struct cache *cache, const char *dataset,
                            const char *model_path, int64_t pid, int64_t *id,
                            struct err *e) MUST_CHECK;
// The worker reports, and reads what it is told to do.
struct cache_job_report {
    int64_t run, done, total;
    enum cache_job_state state;
    const char *message; // or NULL
};
enum err_code cache_job_update(struct cache *cache, int64_t id,
                               const struct cache_job_report *report,
                               enum cache_job_order *order, struct err *e) MUST_CHECK;
enum err_code cache_job_order(struct cache *cache, int64_t id, enum cache_job_order order,
                              struct err *e) MUST_CHECK;
enum err_code cache_jobs(struct cache *cache, struct cache_job **jobs, size_t *count,
                         struct err *e) MUST_CHECK;
void cache_jobs_release(struct cache_job *jobs, size_t count);

#endif

// Shards into one database: all in one transaction where it exists already; a new one
// grows beside its name and is renamed when it is whole.

#include "cache/merge.h"

#include "cache/db.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// ---- what may come together ----

// The first run seen, and where; rows of all that were seen.
struct model {
    struct cache_run run;
    const char *path;
    int64_t rows;
};

static bool same_model(const struct cache_run *a, const struct cache_run *b)
{
    return strcmp(a->model_hash, b->model_hash) == 0 &&
           strcmp(a->prep_key, b->prep_key) == 0 &&
           strcmp(a->precision, b->precision) == 0 &&
           a->numeric_version == b->numeric_version;
}

static enum err_code check_runs(const char *path, bool mixed, struct model *first,
                                struct err *e)
{
    struct cache *cache = NULL;
    struct cache_run *runs = NULL;
    size_t n = 0;
    enum err_code rc;
    TRY(cache_open(path, false, &cache, e));
    TRY(cache_runs(cache, &runs, &n, e));
    for (size_t i = 0; i < n; i++) {
        const struct cache_run *a = &first->run, *b = &runs[i];
        first->rows += b->done + b->failed;
        if (!mixed && first->path && !same_model(a, b))
            TRY(err_set(e, ERR_USAGE,
                        "%s: run %s is of %s (%s, %s, engine %d), but run %s of %s is of "
                        "%s (%s, %s, engine %d); --mixed merges them all the same",
                        path, b->name, b->model_path, b->prep_key, b->precision,
                        b->numeric_version, a->name, first->path, a->model_path,
                        a->prep_key, a->precision, a->numeric_version));
        if (!first->path) {
            first->path = path;
            first->run = runs[i];
            runs[i] = (struct cache_run){0};
        }
    }
out:
    cache_runs_release(runs, n);
    cache_close(cache);
    return rc;
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

// To SQLite that is a new database, which it would begin to fill.
static bool is_empty(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && st.st_size == 0;
}

// Everything that can be wrong with the shards before a row is touched: each is opened.
static enum err_code check_all(const struct cache_merge *what, struct cache_pace *pace,
                               struct err *e)
{
    struct model first = {0};
    int64_t before;
    enum err_code rc = ERR_OK;
    for (size_t i = 0; i < what->count; i++)
        if (same_file(what->out, what->shards[i]))
            TRY(err_set(e, ERR_USAGE, "%s: is the database to merge into",
                        what->shards[i]));
    if (file_exists(what->out))
        TRY(check_runs(what->out, what->mixed, &first, e));
    before = first.rows;
    for (size_t i = 0; i < what->count; i++) {
        if (is_empty(what->shards[i]))
            TRY(err_set(e, ERR_FORMAT, "%s: is empty, expected a database",
                        what->shards[i]));
        TRY(check_runs(what->shards[i], what->mixed, &first, e));
    }
    // Each row's picture, file and prediction as well; at the end all rows are counted.
    *pace = (struct cache_pace){what, (size_t)(first.rows - before),
                                .last = (size_t)(5 * first.rows - 4 * before)};
out:
    cache_run_release(&first.run);
    return rc;
}

// ---- merging ----

enum { STEPS_A_TELL = 1024 };

enum err_code cache_pace_step(struct cache_pace *pace, struct err *e)
{
    const struct cache_merge *what = pace->what;
    if (pace->steps++ % STEPS_A_TELL != 0)
        return ERR_OK;
    double part = pace->steps < pace->last ? (double)pace->steps / (double)pace->last : 1;
    progress_tell(&what->progress, (size_t)(part * (double)pace->rows), pace->rows);
    return what->cancel && atomic_load(what->cancel)
               ? err_set(e, ERR_INTERRUPTED, "interrupted; %s is as it was", what->out)
               : ERR_OK;
}

static enum err_code count_runs(struct cache *to, struct cache_pace *pace, struct err *e)
{
    sqlite3_stmt *stmt;
    enum err_code rc;
    TRY(cache_recount(to, pace, e));
    TRY(cache_stmt(to, STMT_RUNS_FINISH, &stmt, e));
    sqlite3_bind_int64(stmt, 1, clock_wall());
    TRY(cache_step_done(to, stmt, e));
out:
    return rc;
}

static enum err_code merge_into(struct cache *to, struct cache_pace *pace,
                                struct cache_merged *result, struct err *e)
{
    const struct cache_merge *what = pace->what;
    bool changed = false;
    enum err_code rc;
    // Bounds what merging any number of rows takes.
    TRY(cache_exec(to, "PRAGMA cache_size = -262144", e));
    TRY(cache_hold(to, e));
    for (size_t i = 0; i < what->count; i++)
        TRY(cache_shard_merge(to, what->shards[i], pace, result, &changed, e));
    if (changed)
        TRY(count_runs(to, pace, e));
    TRY(cache_commit(to, e));
out:
    return rc;
}

static enum err_code publish(const char *temp, const char *path, struct err *e)
{
    int fd = open(temp, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0 || rename(temp, path) != 0) {
        int errnum = errno;
        if (fd >= 0)
            close(fd);
        return err_set_errno(e, errnum, path, "cannot write");
    }
    close(fd);
    return ERR_OK;
}

static enum err_code merge_new(struct cache_pace *pace, struct cache_merged *result,
                               struct err *e)
{
    const struct cache_merge *what = pace->what;
    char *temp = mem_printf("%s.%ld.tmp", what->out, (long)getpid());
    struct cache *to = NULL;
    enum err_code rc;
    TRY(cache_open_bulk(temp, &to, e));
    TRY(merge_into(to, pace, result, e));
    cache_close(to);
    to = NULL;
    TRY(publish(temp, what->out, e));
out:
    cache_close(to);
    if (rc != ERR_OK)
        (void)unlink(temp);
    free(temp);
    return rc;
}

enum err_code cache_merge(const struct cache_merge *what, struct cache_merged *result,
                          struct err *e)
{
    struct cache *to = NULL;
    struct cache_pace pace = {0};
    *result = (struct cache_merged){0};
    enum err_code rc = check_all(what, &pace, e);
    if (rc != ERR_OK)
        return rc;
    if (!file_exists(what->out))
        return merge_new(&pace, result, e);
    TRY(cache_open(what->out, false, &to, e));
    TRY(merge_into(to, &pace, result, e));
out:
    cache_close(to);
    return rc;
}

#include "cache/db.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// When a process began, in ticks since boot (field 22 of /proc/PID/stat); 0 when there is
// no such process. The name in field 2 may hold spaces and brackets.
static int64_t process_start(int64_t pid)
{
    char path[64], line[1024];
    (void)snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    size_t n = fread(line, 1, sizeof line - 1, f);
    (void)fclose(f);
    line[n] = '\0';
    char *at = strrchr(line, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at ? (int64_t)strtoll(at + 1, NULL, 10) : 0;
}

static bool alive(int64_t pid, int64_t start)
{
    if (pid <= 0 || (kill((pid_t)pid, 0) != 0 && errno != EPERM))
        return false;
    return process_start(pid) == start;
}

enum err_code cache_job_add(struct cache *cache, const char *dataset,
                            const char *model_path, int64_t pid, int64_t *id,
                            struct err *e)
{
    sqlite3_stmt *stmt;
    enum err_code rc = cache_write_begin(cache, e);
    if (rc != ERR_OK)
        return rc;
    TRY(cache_stmt(cache, STMT_JOB_ADD, &stmt, e));
    sqlite3_bind_text(stmt, 1, dataset, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, model_path, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 3, pid);
    sqlite3_bind_int64(stmt, 4, process_start(pid));
    sqlite3_bind_int64(stmt, 5, clock_wall());
    TRY(cache_step_done(cache, stmt, e));
    *id = sqlite3_last_insert_rowid(cache->db);
out:
    return cache_write_commit(cache, rc, e);
}

static enum err_code missing(const struct cache *cache, int64_t id, struct err *e)
{
    return err_set(e, ERR_MISSING, "%s: no job %" PRId64, cache->path, id);
}

enum err_code cache_job_update(struct cache *cache, int64_t id,
                               const struct cache_job_report *report,
                               enum cache_job_order *order, struct err *e)
{
    sqlite3_stmt *stmt;
    bool row;
    enum err_code rc = cache_write_begin(cache, e);
    if (rc != ERR_OK)
        return rc;
    TRY(cache_stmt(cache, STMT_JOB_UPDATE, &stmt, e));
    sqlite3_bind_int64(stmt, 1, id);
    sqlite3_bind_int64(stmt, 2, report->run);
    sqlite3_bind_int(stmt, 3, (int)report->state);
    sqlite3_bind_int64(stmt, 4, report->done);
    sqlite3_bind_int64(stmt, 5, report->total);
    sqlite3_bind_text(stmt, 6, report->message, -1, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 7, clock_wall());
    TRY(cache_step(cache, stmt, &row, e));
    if (row) {
        int told = sqlite3_column_int(stmt, 0);
        *order =
            told == JOB_PAUSE || told == JOB_STOP ? (enum cache_job_order)told : JOB_GO;
        TRY(cache_step_done(cache, stmt, e));
    } else {
        rc = missing(cache, id, e);
    }
out:
    return cache_write_commit(cache, rc, e);
}

enum err_code cache_job_order(struct cache *cache, int64_t id, enum cache_job_order order,
                              struct err *e)
{
    sqlite3_stmt *stmt;
    enum err_code rc = cache_write_begin(cache, e);
    if (rc != ERR_OK)
        return rc;
    TRY(cache_stmt(cache, STMT_JOB_ORDER, &stmt, e));
    sqlite3_bind_int64(stmt, 1, id);
    sqlite3_bind_int(stmt, 2, (int)order);
    TRY(cache_step_done(cache, stmt, e));
    if (sqlite3_changes(cache->db) == 0)
        rc = missing(cache, id, e);
out:
    return cache_write_commit(cache, rc, e);
}

static struct cache_job job_of(sqlite3_stmt *stmt)
{
    int state = sqlite3_column_int(stmt, 10);
    struct cache_job job = {
        .id = sqlite3_column_int64(stmt, 0),
        .run = sqlite3_column_int64(stmt, 1),
        .pid = sqlite3_column_int64(stmt, 2),
        .dataset = cache_column_dup(stmt, 3),
        .model_path = cache_column_dup(stmt, 4),
        .started = sqlite3_column_int64(stmt, 6),
        .updated = sqlite3_column_int64(stmt, 7),
        .done = sqlite3_column_int64(stmt, 8),
        .total = sqlite3_column_int64(stmt, 9),
        .state = state >= JOB_RUNNING && state <= JOB_FAILED ? (enum cache_job_state)state
                                                             : JOB_FAILED,
    };
    if (sqlite3_column_type(stmt, 5) != SQLITE_NULL)
        job.message = cache_column_dup(stmt, 5);
    bool at_work = job.state == JOB_RUNNING || job.state == JOB_PAUSED;
    if (at_work && !alive(job.pid, sqlite3_column_int64(stmt, 11))) {
        job.state = JOB_FAILED;
        free(job.message);
        job.message = mem_dup("its process is gone");
    }
    return job;
}

enum err_code cache_jobs(struct cache *cache, struct cache_job **jobs, size_t *count,
                         struct err *e)
{
    sqlite3_stmt *stmt;
    bool row;
    size_t cap = 0;
    *jobs = NULL;
    *count = 0;
    enum err_code rc = cache_stmt(cache, STMT_JOB_LIST, &stmt, e);
    if (rc != ERR_OK)
        return rc;
    while ((rc = cache_step(cache, stmt, &row, e)) == ERR_OK && row) {
        if (!mem_grow(jobs, &cap, *count + 1, sizeof **jobs)) {
            rc = err_set(e, ERR_NOMEM, "%s: no memory for the jobs", cache->path);
            break;
        }
        (*jobs)[(*count)++] = job_of(stmt);
    }
    sqlite3_reset(stmt);
    if (rc != ERR_OK) {
        cache_jobs_release(*jobs, *count);
        *jobs = NULL;
        *count = 0;
    }
    return rc;
}

void cache_jobs_release(struct cache_job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(jobs[i].dataset);
        free(jobs[i].model_path);
        free(jobs[i].message);
    }
    free(jobs);
}

#include "pipeline/job.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// Pictures looked up between two glances at the mutex, and seconds between commits.
enum { SCAN_STEP = 256 };
static const double COMMIT_EVERY = 0.4;

static enum err_code store(struct pipe_job *job, const struct outcome *o, struct err *e)
{
    enum err_code rc = ERR_OK;
    if (o->have_hash && o->have_stat)
        TRY(cache_file_put(job->cache, o->path, &o->stat, o->hash, e));
    if (o->have_hash && !o->from_cache)
        TRY(cache_prediction_put(job->cache, job->variant, o->hash, &o->row, e));
    TRY(cache_run_put(job->cache, job->progress.run, (int64_t)o->item,
                      o->have_hash ? &o->hash : NULL, &o->row, e));
out:
    return rc;
}

static void store_all(struct pipe_job *job, struct outcomes *batch)
{
    struct err e = {0};
    enum err_code rc = ERR_OK;
    for (size_t i = 0; i < batch->count; i++) {
        if (job->cache && rc == ERR_OK)
            rc = store(job, &batch->all[i], &e);
        free(batch->all[i].path);
    }
    if (job->cache && batch->count && rc == ERR_OK)
        rc = cache_commit(job->cache, &e);
    if (rc != ERR_OK)
        job_fail(job, &e);
    batch->count = 0;
}

// One picture by path, size and time alone; its file is not read.
static enum err_code look_up(struct pipe_job *job, size_t position, bool *found,
                             struct err *e)
{
    enum err_code rc = ERR_OK;
    size_t index = job_item(job, position);
    const struct ds_item *item = ds_item(job->spec.ds, index);
    struct outcome o = {.item = index, .have_hash = true, .from_cache = true};
    char *path = ds_path(job->spec.ds, index);
    *found = false;
    if (!job_stat(path, &o.stat))
        goto out;
    TRY(cache_file_find(job->cache, path, &o.stat, &o.hash, found, e));
    if (!*found)
        goto out;
    TRY(cache_prediction_find(job->cache, job->variant, o.hash, &job->scan_strings,
                              &o.row, found, e));
    if (!*found)
        goto out;
    o.row.file = item->name;
    o.row.label = item->label;
    TRY(cache_run_put(job->cache, job->progress.run, (int64_t)index, &o.hash, &o.row, e));
    job_emit(job, &o);
out:
    free(path);
    return rc;
}

// Looks up the next pictures; those that have no row yet go to the instances.
static void scan_step(struct pipe_job *job)
{
    struct err e = {0};
    enum err_code rc = ERR_OK;
    size_t miss[SCAN_STEP], missed = 0;
    double begin = clock_now();
    for (int i = 0; i < SCAN_STEP && job->scanned < job->total && rc == ERR_OK; i++) {
        bool found = false;
        size_t position = job->positions[job->scanned++];
        if (job->cache && job->lookups)
            rc = look_up(job, position, &found, &e);
        if (!found)
            miss[missed++] = position;
        if (clock_now() - begin > COMMIT_EVERY)
            break;
    }
    if (rc == ERR_OK && job->cache)
        rc = cache_commit(job->cache, &e);
    if (rc != ERR_OK)
        job_fail(job, &e);
    pthread_mutex_lock(&job->lock);
    for (size_t i = 0; i < missed; i++)
        job->queue[job->queue_tail++] = miss[i];
    job->scan_done = job->scanned == job->total;
    pthread_cond_broadcast(&job->work);
    pthread_mutex_unlock(&job->lock);
}

static struct timespec deadline(double seconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    long nanos = t.tv_nsec + (long)(seconds * 1e9);
    return (struct timespec){t.tv_sec + nanos / 1000000000, nanos % 1000000000};
}

// With the lock held: waits until there is something to look up or to store, and takes
// what is pending. False at the end of the job.
static bool wait_for_work(struct pipe_job *job, struct outcomes *batch, bool *scan)
{
    struct timespec until = deadline(COMMIT_EVERY);
    for (;;) {
        *scan = !job->scan_done && !job->stopping && !job->progress.paused;
        bool ended = job->working == 0;
        if (ended && job->pending.count == 0)
            return false;
        if (ended || *scan)
            break;
        int rc = pthread_cond_timedwait(&job->news, &job->lock, &until);
        if (rc == ETIMEDOUT) {
            if (job->pending.count)
                break;
            until = deadline(COMMIT_EVERY);
        }
    }
    struct outcomes empty = *batch;
    *batch = job->pending;
    job->pending = empty;
    return true;
}

static void finish(struct pipe_job *job)
{
    struct err e = {0};
    enum err_code rc = ERR_OK;
    if (job->cache) {
        rc = cache_run_finish(job->cache, job->progress.run, &e);
        if (rc == ERR_OK)
            rc = cache_commit(job->cache, &e);
    }
    if (rc != ERR_OK)
        job_fail(job, &e);
    pthread_mutex_lock(&job->lock);
    struct pipe_progress *p = &job->progress;
    if (job->stopping && p->code == ERR_OK && !p->until_reached && p->done < p->total) {
        p->code = ERR_INTERRUPTED;
        (void)err_set(&e, ERR_INTERRUPTED, "interrupted after %zu of %zu pictures",
                      p->done, p->total);
        memcpy(p->message, e.msg, sizeof p->message);
    }
    p->seconds = job_clock(job);
    p->finished = true;
    job_signal(job);
    pthread_mutex_unlock(&job->lock);
}

void *job_writer_main(void *arg)
{
    struct pipe_job *job = arg;
    struct outcomes batch = {0};
    bool scan;
    pthread_mutex_lock(&job->lock);
    while (wait_for_work(job, &batch, &scan)) {
        pthread_mutex_unlock(&job->lock);
        store_all(job, &batch);
        if (scan)
            scan_step(job);
        pthread_mutex_lock(&job->lock);
    }
    pthread_mutex_unlock(&job->lock);
    free(batch.all);
    finish(job);
    return NULL;
}

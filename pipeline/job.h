#ifndef PIPELINE_JOB_H
#define PIPELINE_JOB_H

// Inside a job. Three parties share one mutex: the instances (one session each) compute
// pictures, the writer owns the database connection, and the caller watches. Results
// reach the caller at once and the database in short bursts, so that the file is locked
// for milliseconds only and other processes get their turn.

#include "pipeline/pipeline.h"

#include "cache/cache.h"

#include <pthread.h>

enum { JOB_RATE_WINDOW = 32 };

// A finished picture on its way to the database.
struct outcome {
    size_t item;
    struct row row;
    char *path;
    struct cache_hash hash;
    struct cache_stat stat;
    bool have_hash; // the file could be read
    bool have_stat;
    bool from_cache; // the prediction is in the database already
};

struct outcomes {
    struct outcome *all;
    size_t count, cap;
};

struct instance {
    struct pipe_job *job;
    pthread_t thread;
    bool started;
    struct eng_session *session;
    struct cache *cache; // its own connection, for look-ups; NULL: none
    struct rowset strings;
    uint8_t *hwc;
    float *chw;
    float *logits;
};

struct pipe_job {
    struct pipe_spec spec;
    size_t *positions; // the order of work: places in the subset
    size_t total;
    bool lookups; // rows may be taken from the database
    int64_t variant;

    struct instance *instances;
    int instance_count;
    pthread_t writer;
    bool writer_started, joined;
    struct cache *cache; // the writer's connection, NULL: nothing is kept
    struct rowset scan_strings;
    size_t scanned; // positions that the writer has looked up

    int fd;
    pthread_mutex_t lock; // guards everything below
    pthread_cond_t work;  // instances wait: for positions, for the end of a pause
    pthread_cond_t news;  // the writer waits: for outcomes, for the end
    size_t *queue;        // positions to compute
    size_t queue_head, queue_tail;
    bool scan_done, stopping, signalled;
    int working; // instances that have not returned
    struct outcomes pending;
    struct pipe_event *events;
    size_t event_head, event_count, event_cap;
    struct pipe_progress progress;
    double started_at, paused_at, paused_total;
    double rate_times[JOB_RATE_WINDOW]; // of the last computed pictures, running clock
    size_t computed;
};

size_t job_item(const struct pipe_job *job, size_t position);

// Tells the caller of a row and counts it. Takes the lock itself.
void job_emit(struct pipe_job *job, const struct outcome *outcome);

// Ends the job with an error of the database or of memory.
void job_fail(struct pipe_job *job, const struct err *e);

// With the lock held: wakes whoever polls the job's descriptor.
void job_signal(struct pipe_job *job);

// Seconds that the job has run, pauses left out; with the lock held.
double job_clock(const struct pipe_job *job);

// "FILE: reason" without the file, since a row carries its file itself and a cached error
// may belong to another name of the same bytes.
const char *job_reason(const char *message, const char *path);

// Size and time of a file; false when it is not there.
bool job_stat(const char *path, struct cache_stat *out);

// The threads; their argument is a struct instance and the struct pipe_job.
void *job_instance_main(void *arg);
void *job_writer_main(void *arg);

#endif

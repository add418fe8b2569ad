#ifndef PIPELINE_H
#define PIPELINE_H

// The one place that joins dataset, engine and cache: pictures in, rows out. A job runs
// on threads of its own and is watched, paused and cancelled from any one thread.

#include "cache/row.h"
#include "dataset/dataset.h"
#include "dataset/prep.h"
#include "engine/engine.h"

#include "base/err.h"
#include "base/progress.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- what a user asks for on any command that runs a network ----

struct pipe_setup_opts {
    const char *model;
    struct eng_opts engine;
    const char *preprocess; // preset name, or NULL
    int height, width;      // -s, or 0
    const char *label;      // label file, or NULL
};

// An opened model with the preprocessing and class words that go with it, in the order of
// precedence: flag, head, model metadata, source.
struct pipe_setup {
    struct eng_model *model;
    struct ds_prep prep;
    const struct labels *labels; // never NULL; "class N" where nothing is known
    struct labels *owned_labels;
    bool background; // 1001 classes without names: taken for "background" and ImageNet's
};
enum err_code pipe_setup_open(const struct pipe_setup_opts *opts, struct pipe_setup *out,
                              struct err *e) MUST_CHECK;
void pipe_setup_release(struct pipe_setup *setup);

// ---- jobs ----

struct pipe_spec {
    const struct pipe_setup *setup;
    const struct ds *ds;
    const size_t *subset; // indices to run; NULL: all
    size_t subset_count;
    int threads;      // in total
    const char *db;   // database path; NULL: nothing is kept
    const char *name; // of the run, or NULL
    bool shuffle;     // seeded random order, so that partial figures are unbiased
    bool force;       // run again what the cache has
    double until; // stop when top-1's half interval is below this many points; 0: never
    float
        *logits; // [subset_count or ds_count][classes] by position in the subset, or NULL
    float *features; // likewise, or NULL
    // In place of eng_session_run on one picture, by position; or NULL. Several threads.
    void (*run)(void *ctx, struct eng_session *session, const float *input,
                size_t position, const struct eng_output *out);
    void *run_ctx;
};

struct pipe_job;

enum err_code pipe_job_start(const struct pipe_spec *spec, struct pipe_job **out,
                             struct err *e) MUST_CHECK;

// Readable (poll) while something has happened since the last pipe_job_take.
int pipe_job_fd(const struct pipe_job *job);

// One finished picture.
struct pipe_event {
    size_t item;    // index in the dataset
    struct row row; // strings live until pipe_job_close
    bool from_cache;
};
// Takes up to max events in the order they happened; returns how many.
size_t pipe_job_take(struct pipe_job *job, struct pipe_event *events, size_t max);

struct pipe_progress {
    size_t total, done, failed, from_cache;
    size_t labelled, top1, top5;
    double seconds;           // running, pauses left out
    double images_per_second; // computed pictures only, recent
    double eta_seconds;       // NaN when unknown
    bool paused, finished;    // finished: no thread works any more
    bool until_reached;
    int64_t run; // id in the database, 0 without one
    enum err_code
        code; // first fatal error (database, memory); ERR_INTERRUPTED: cancelled
    char message[ERR_MSG_MAX];
};
void pipe_job_progress(struct pipe_job *job, struct pipe_progress *out);

void pipe_job_pause(struct pipe_job *job, bool paused);
// Asks to stop after the pictures in hand; what is done is committed.
void pipe_job_cancel(struct pipe_job *job);
// Waits until no thread works; then pipe_job_take gives the rest.
void pipe_job_wait(struct pipe_job *job);
// Cancels, waits, releases.
void pipe_job_close(struct pipe_job *job);

// ---- npz sets: what image2npz.py writes ----

struct pipe_npz {
    const struct ds *ds;
    const size_t *subset; // NULL: all
    size_t subset_count;
    const char *target;    // folder: <target>/<parent folder>/<stem>.npz
    const char *text_path; // datalist of absolute npz paths, or NULL
    const struct ds_prep
        *prep; // NULL: raw uint8 CHW RGB as cv2.imread; else float32 [1,3,H,W]
    int threads;
    bool force; // rewrite files that are there; else they are kept (resume)
    const atomic_bool *cancel; // when it turns true: ends with ERR_INTERRUPTED; or NULL
    struct progress progress;
};
struct pipe_npz_result {
    size_t written, kept, failed;
};
// A picture that cannot be read is counted, told to `on_error` and left out of the list.
typedef void pipe_npz_error_fn(void *ctx, const char *message);
enum err_code pipe_npz_write(const struct pipe_npz *spec, pipe_npz_error_fn *on_error,
                             void *ctx, struct pipe_npz_result *result,
                             struct err *e) MUST_CHECK;

#endif

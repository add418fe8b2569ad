#ifndef TUI_TASK_JOB_H
#define TUI_TASK_JOB_H

// An evaluation in the background, as the explorer sees it.

#include "tui/state.h"
#include "tui/tui.h"

#include "pipeline/pipeline.h"

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct job {
    struct pipe_job *pipe;         // NULL: none
    size_t *subset;                // owned while it runs; NULL: everything
    struct pipe_progress progress; // newest, kept after the end
    bool started;                  // progress means something
    bool cancelling;
};

// Pictures to run on later; of several wishes the last one counts.
struct job_wish {
    bool pending;
    size_t *subset; // owned; NULL: everything
    size_t count;
};

void job_wish_drop(struct job_wish *wish);

// Starts on `subset` (taken; NULL: everything).
enum err_code job_start(struct job *job, const struct tui_opts *opts,
                        const struct pipe_setup *setup, size_t *subset, size_t count,
                        struct err *e) MUST_CHECK;

bool job_running(const struct job *job);
int job_fd(const struct job *job); // -1: none

// Takes what has been finished into the state. Returns true when the job has just ended.
bool job_take(struct job *job, struct state *state);

void job_pause(struct job *job, bool paused);
void job_cancel(struct job *job);
// Stops and releases; what is done is in the database.
void job_close(struct job *job);

#endif

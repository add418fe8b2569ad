#include "tui/job.h"

#include <signal.h>
#include <stdlib.h>

enum { EVENTS = 64, EVENTS_A_FRAME = 4096 };

enum err_code job_start(struct job *job, const struct tui_opts *opts, size_t *subset,
                        size_t count, struct err *e)
{
    struct pipe_spec spec = {
        .setup = opts->setup,
        .ds = opts->ds,
        .subset = subset,
        .subset_count = count,
        .threads = opts->threads,
        .db = opts->db,
        // In file order the partial figures would be those of the first classes.
        .shuffle = subset == NULL,
    };
    // Signals are for the thread that owns the screen.
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    struct pipe_job *pipe = NULL;
    enum err_code rc = pipe_job_start(&spec, &pipe, e);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != ERR_OK) {
        free(subset);
        return rc;
    }
    *job = (struct job){.pipe = pipe, .subset = subset, .started = true};
    pipe_job_progress(pipe, &job->progress);
    return ERR_OK;
}

bool job_running(const struct job *job)
{
    return job->pipe != NULL;
}

int job_fd(const struct job *job)
{
    return job->pipe ? pipe_job_fd(job->pipe) : -1;
}

bool job_take(struct job *job, struct state *state)
{
    if (!job->pipe)
        return false;
    // The end is looked at first: what happened before it is then taken for certain.
    pipe_job_progress(job->pipe, &job->progress);
    bool ended = job->progress.finished;
    struct pipe_event events[EVENTS];
    size_t taken = 0;
    for (size_t n; (ended || taken < EVENTS_A_FRAME) &&
                   (n = pipe_job_take(job->pipe, events, EVENTS)) > 0;
         taken += n)
        for (size_t i = 0; i < n; i++)
            state_put(state, events[i].item, &events[i].row);
    if (ended) {
        struct pipe_progress last = job->progress;
        job_close(job);
        job->progress = last;
        job->started = true;
    }
    return ended;
}

void job_pause(struct job *job, bool paused)
{
    pipe_job_pause(job->pipe, paused);
    pipe_job_progress(job->pipe, &job->progress);
}

void job_cancel(struct job *job)
{
    pipe_job_cancel(job->pipe);
    job->cancelling = true;
}

void job_close(struct job *job)
{
    if (job->pipe)
        pipe_job_close(job->pipe);
    free(job->subset);
    *job = (struct job){0};
}

#include "tui/task/job.h"

#include "tui/task/thread.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { JOB_NICE = 5, EVENTS = 64, EVENTS_A_FRAME = 4096 };

// Threads inherit the niceness of the one that makes them. A starter of its own makes
// those of the job: below the screen's, which answers keys while all cores evaluate.
struct starter {
    const struct pipe_spec *spec;
    struct pipe_job *pipe;
    struct err *e;
    enum err_code rc;
};

static void *start_below(void *arg)
{
    struct starter *starter = arg;
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), JOB_NICE);
    starter->rc = pipe_job_start(starter->spec, &starter->pipe, starter->e);
    return NULL;
}

static enum err_code start(struct starter *starter)
{
    pthread_t thread;
    int errnum = thread_start(&thread, start_below, starter);
    if (errnum != 0)
        return err_set_errno(starter->e, errnum, "evaluation", "cannot start");
    pthread_join(thread, NULL);
    return starter->rc;
}

enum err_code job_start(struct job *job, const struct tui_opts *opts,
                        const struct pipe_setup *setup, size_t *subset, size_t count,
                        struct err *e)
{
    struct pipe_spec spec = {
        .setup = setup,
        .ds = opts->ds,
        .subset = subset,
        .subset_count = count,
        .threads = opts->threads,
        .db = opts->db,
        // In file order the partial figures would be those of the first classes.
        .shuffle = subset == NULL,
    };
    struct starter starter = {.spec = &spec, .e = e};
    enum err_code rc = start(&starter);
    if (rc != ERR_OK) {
        free(subset);
        return rc;
    }
    *job = (struct job){.pipe = starter.pipe, .subset = subset, .started = true};
    pipe_job_progress(job->pipe, &job->progress);
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

void job_wish_drop(struct job_wish *wish)
{
    free(wish->subset);
    *wish = (struct job_wish){0};
}

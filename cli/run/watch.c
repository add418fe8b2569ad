#include "cli/run/watch.h"

#include "cli/out/bar.h"
#include "cli/out/interrupt.h"

#include <poll.h>

enum { TICK_MS = 100, EVENTS = 256 };

static size_t give_events(struct pipe_job *job, const struct watch *watch)
{
    struct pipe_event events[EVENTS];
    size_t n = pipe_job_take(job, events, EVENTS);
    for (size_t i = 0; i < n && watch->on_event; i++)
        watch->on_event(watch->ctx, &events[i]);
    return n;
}

void watch_job(const struct cli *cli, struct pipe_job *job, const struct watch *watch,
               struct pipe_progress *end)
{
    const atomic_bool *interrupted = interrupt_watch();
    struct bar bar;
    bool cancelled = false;
    bar_open(&bar, cli);
    do {
        struct pollfd ready = {pipe_job_fd(job), POLLIN, 0};
        (void)poll(&ready, 1, TICK_MS);
        if (!cancelled && atomic_load(interrupted)) {
            cancelled = true;
            pipe_job_cancel(job);
        }
        (void)give_events(job, watch);
        pipe_job_progress(job, end);
        if (watch->on_tick)
            watch->on_tick(watch->ctx, job, end);
        if (bar_due(&bar))
            bar_draw_job(end);
    } while (!end->finished);
    pipe_job_wait(job);
    while (give_events(job, watch) > 0) {
    }
    pipe_job_progress(job, end);
    bar_close(&bar);
}

enum err_code watch_result(const struct pipe_progress *end, struct err *e)
{
    if (end->code != ERR_OK)
        return err_set(e, end->code, "%s", end->message);
    return end->failed ? ERR_FAILED : ERR_OK;
}

#ifndef CLI_WATCH_H
#define CLI_WATCH_H

// Follows a job to its end: events, progress line, ^C.

#include "cli/cmd.h"

#include "pipeline/pipeline.h"

struct watch {
    void (*on_event)(void *ctx, const struct pipe_event *event); // or NULL
    void (*on_tick)(void *ctx, struct pipe_job *job,
                    const struct pipe_progress *progress); // ten times a second, or NULL
    void *ctx;
};

// Returns when no thread works any more and every event has been given on; *end is the
// last progress. The first ^C cancels the job.
void watch_job(const struct cli *cli, struct pipe_job *job, const struct watch *watch,
               struct pipe_progress *end);

// The error that ended the job, or ERR_FAILED without a message when pictures failed.
enum err_code watch_result(const struct pipe_progress *end, struct err *e) MUST_CHECK;

#endif

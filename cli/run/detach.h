#ifndef CLI_DETACH_H
#define CLI_DETACH_H

// An evaluation that goes on without its terminal: a process of its own, with a row in
// the database by which it is seen and told what to do.

#include "cli/cmd.h"

#include "pipeline/pipeline.h"

struct detach;

// What the one who started it gets to know.
struct detach_started {
    int64_t job;
    long pid;
    char log[512];
};

// In the caller's process: waits until the worker has begun (or failed to: its error) and
// leaves *worker NULL. In the worker: *worker is set, standard streams lead to the log.
enum err_code detach_fork(struct detach **worker, struct detach_started *started,
                          struct err *e) MUST_CHECK;

// The worker has begun: its row is made, and who started it is told.
enum err_code detach_begin(struct detach *worker, const char *db, const char *dataset,
                           const char *model, struct err *e) MUST_CHECK;

// About once a second: reports progress, obeys orders.
void detach_tick(struct detach *worker, struct pipe_job *job,
                 const struct pipe_progress *progress);

// Last report; tells the error instead when the worker never began. Frees worker.
void detach_end(struct detach *worker, const struct pipe_progress *end, enum err_code rc,
                const struct err *e);

#endif

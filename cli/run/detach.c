#include "cli/run/detach.h"

#include "cache/cache.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct detach {
    int tell; // pipe to the one who started it, -1 once it has been told
    struct cache *cache;
    int64_t job;
    double reported;
};

// What goes through the pipe.
struct message {
    struct err err;
    int64_t job;
    long pid;
};

static enum err_code open_log(struct detach_started *started, int *fd, struct err *e)
{
    char *folder = file_xdg("XDG_STATE_HOME", ".local/state");
    enum err_code rc = file_make_dirs(folder, e);
    (void)snprintf(started->log, sizeof started->log, "%s/log", folder);
    free(folder);
    if (rc != ERR_OK)
        return rc;
    *fd = open(started->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    return *fd < 0 ? err_set_errno(e, errno, started->log, "cannot open") : ERR_OK;
}

static void redirect(int log)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0)
        (void)dup2(null, STDIN_FILENO);
    (void)dup2(log, STDOUT_FILENO);
    (void)dup2(log, STDERR_FILENO);
}

// The worker's side of the pipe, in a session of its own and no child of the caller; -1
// in the caller.
static int fork_twice(int tell, int log, struct err *e)
{
    pid_t child = fork();
    if (child < 0) {
        (void)err_set_errno(e, errno, "eval", "cannot start a process");
        return -1;
    }
    if (child > 0) {
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
        }
        return -1;
    }
    (void)setsid();
    pid_t worker = fork();
    if (worker != 0)
        _exit(worker < 0);
    redirect(log);
    return tell;
}

static enum err_code await_worker(int from, struct detach_started *started, struct err *e)
{
    struct message message;
    ssize_t n;
    while ((n = read(from, &message, sizeof message)) < 0 && errno == EINTR) {
    }
    if (n != (ssize_t)sizeof message)
        return err_set(e, ERR_FAILED, "eval: the detached process ended at once; see %s",
                       started->log);
    if (message.err.code != ERR_OK) {
        *e = message.err;
        return e->code;
    }
    started->job = message.job;
    started->pid = message.pid;
    return ERR_OK;
}

enum err_code detach_fork(struct detach **worker, struct detach_started *started,
                          struct err *e)
{
    int ends[2], log = -1;
    *worker = NULL;
    enum err_code rc = open_log(started, &log, e);
    if (rc != ERR_OK)
        return rc;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        rc = err_set_errno(e, errno, "eval", "cannot create a pipe");
        close(log);
        return rc;
    }
    (void)fflush(NULL);
    int tell = fork_twice(ends[1], log, e);
    close(log);
    if (tell >= 0) {
        close(ends[0]);
        *worker = mem_new(sizeof **worker);
        (*worker)->tell = tell;
        return ERR_OK;
    }
    close(ends[1]);
    rc = e->code != ERR_OK ? e->code : await_worker(ends[0], started, e);
    close(ends[0]);
    return rc;
}

static void tell(struct detach *worker, const struct err *err)
{
    struct message message = {.job = worker->job, .pid = (long)getpid()};
    if (worker->tell < 0)
        return;
    message.err = *err;
    if (write(worker->tell, &message, sizeof message) < 0)
        (void)fputs("xlens: eval: who started this is gone\n", stderr);
    close(worker->tell);
    worker->tell = -1;
}

enum err_code detach_begin(struct detach *worker, const char *db, const char *dataset,
                           const char *model, struct err *e)
{
    enum err_code rc;
    char *model_path = file_absolute(model);
    const struct err none = {0};
    TRY(cache_open(db, true, &worker->cache, e));
    TRY(cache_job_add(worker->cache, dataset, model_path, (int64_t)getpid(), &worker->job,
                      e));
    TRY(cache_commit(worker->cache, e));
    tell(worker, &none);
out:
    free(model_path);
    return rc;
}

static enum err_code report(struct detach *worker, enum cache_job_state state,
                            const struct pipe_progress *p, const char *message,
                            enum cache_job_order *order)
{
    const struct cache_job_report now = {p->run, (int64_t)p->done, (int64_t)p->total,
                                         state, message};
    enum err_code rc = cache_job_update(worker->cache, worker->job, &now, order, NULL);
    return rc == ERR_OK ? cache_commit(worker->cache, NULL) : rc;
}

void detach_tick(struct detach *worker, struct pipe_job *job,
                 const struct pipe_progress *progress)
{
    double now = clock_now();
    enum cache_job_order order = JOB_GO;
    if (progress->finished || now - worker->reported < 1)
        return;
    worker->reported = now;
    // A locked database is no reason to stop: the next second tries again.
    if (report(worker, progress->paused ? JOB_PAUSED : JOB_RUNNING, progress, NULL,
               &order) != ERR_OK)
        return;
    if (order == JOB_STOP)
        pipe_job_cancel(job);
    else
        pipe_job_pause(job, order == JOB_PAUSE);
}

void detach_end(struct detach *worker, const struct pipe_progress *end, enum err_code rc,
                const struct err *e)
{
    if (!worker)
        return;
    if (worker->cache && worker->tell < 0) {
        enum cache_job_order order;
        enum cache_job_state state = JOB_DONE;
        if (end->code == ERR_INTERRUPTED)
            state = JOB_STOPPED;
        else if (rc != ERR_OK && e->msg[0])
            state = JOB_FAILED;
        (void)report(worker, state, end, state == JOB_FAILED ? e->msg : NULL, &order);
    }
    if (rc != ERR_OK)
        tell(worker, e);
    cache_close(worker->cache);
    free(worker);
}

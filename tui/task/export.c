#include "tui/task/export.h"

#include "tui/task/thread.h"

#include "base/file.h"
#include "base/mem.h"
#include "pipeline/pipeline.h"
#include "report/export.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const char *const formats[] = {"csv", "jsonl", "datalist", "confusion", "npz"};
enum { FORMAT_CONFUSION = 3, FORMAT_NPZ = 4, FORMATS = 5 };

const char *export_format_name(size_t n)
{
    return n < FORMATS ? formats[n] : NULL;
}

static enum err_code write_text(const struct rep_export *what, enum rep_format format,
                                const char *path, bool force, struct err *e)
{
    struct file_out out = {0};
    enum err_code rc = file_out_open(&out, path, force, e);
    if (rc != ERR_OK)
        return rc;
    rc = rep_export_write(what, format, out.stream, e);
    if (rc != ERR_OK) {
        file_out_discard(&out);
        return rc;
    }
    return file_out_commit(&out, e);
}

enum err_code export_view(const struct state *state, const char *format, const char *path,
                          bool force, struct str *says, struct err *e)
{
    struct rep_export what = {
        .rows = state->set.rows,
        .indices = state->view,
        .count = state->count,
        .labels = state->labels,
        .classes = state->classes,
        .root = ds_root(state->ds),
    };
    int kind = 0;
    while (kind < FORMATS && strcmp(formats[kind], format) != 0)
        kind++;
    enum err_code rc;
    if (kind == FORMATS)
        return err_set(e, ERR_USAGE,
                       "%s: unknown format; csv, jsonl, datalist, npz or confusion",
                       format);
    if (kind == FORMAT_NPZ)
        rc = rep_export_npz(&what, path, force, e);
    else if (kind == FORMAT_CONFUSION && str_ends_with(path, ".npz"))
        rc = rep_confusion_npz(&what, path, force, e);
    else
        rc = write_text(&what, (enum rep_format)kind, path, force, e);
    if (rc == ERR_OK)
        str_addf(says, "%zu pictures written to %s", state->count, path);
    return rc;
}

// ---- npz sets ----

enum { CHUNK = 16 };

static void count_failure(void *ctx, const char *message)
{
    struct export_task *task = ctx;
    if (task->failed++ == 0)
        (void)snprintf(task->first_failure, sizeof task->first_failure, "%s", message);
}

static void ignore_failure(void *ctx, const char *message)
{
    (void)ctx;
    (void)message;
}

static void post(const struct export_task *task)
{
    uint64_t one = 1;
    ssize_t n = write(task->fd, &one, sizeof one);
    (void)n; // a full counter wakes as well
}

static enum err_code write_set(struct export_task *task)
{
    char *list = mem_printf("%s/npz.txt", task->target);
    struct pipe_npz spec = {.ds = task->ds, .target = task->target, .threads = 1};
    struct pipe_npz_result result;
    enum err_code rc = ERR_OK;
    // In small parts, so that it can be watched and stopped; the last call finds all
    // files there and writes the list.
    for (size_t at = 0; at < task->count && rc == ERR_OK && !atomic_load(&task->cancel);
         at += CHUNK) {
        spec.subset = task->items + at;
        spec.subset_count = task->count - at < CHUNK ? task->count - at : CHUNK;
        rc = pipe_npz_write(&spec, count_failure, task, &result, &task->error);
        atomic_fetch_add(&task->done, spec.subset_count);
        post(task);
    }
    if (rc == ERR_OK && !atomic_load(&task->cancel)) {
        spec.subset = task->items;
        spec.subset_count = task->count;
        spec.text_path = list;
        rc = pipe_npz_write(&spec, ignore_failure, NULL, &result, &task->error);
    }
    free(list);
    return rc;
}

static void *task_main(void *arg)
{
    struct export_task *task = arg;
    task->error.code = write_set(task);
    atomic_store(&task->finished, true);
    post(task);
    return NULL;
}

static void task_release(struct export_task *task)
{
    if (task->fd > 0)
        close(task->fd);
    free(task->items);
    free(task->target);
    memset(task, 0, sizeof *task);
}

enum err_code export_npz_start(struct export_task *task, const struct state *state,
                               const char *target, struct err *e)
{
    if (task->running)
        return err_set(e, ERR_BUSY, "an npz set is being written; wait, or :cancel");
    task->ds = state->ds;
    task->count = state->count;
    task->items = mem_array(state->count, sizeof task->items[0]);
    task->target = mem_dup(target);
    task->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!task->items || task->fd < 0) {
        task_release(task);
        return err_set(e, ERR_NOMEM, "no memory for the list of pictures");
    }
    memcpy(task->items, state->view, state->count * sizeof task->items[0]);
    int errnum = thread_start(&task->thread, task_main, task);
    if (errnum != 0) {
        task_release(task);
        return err_set_errno(e, errnum, "npz thread", "cannot start");
    }
    task->running = true;
    return ERR_OK;
}

int export_npz_fd(const struct export_task *task)
{
    return task->running ? task->fd : -1;
}

bool export_npz_ended(struct export_task *task, struct str *says)
{
    if (!task->running)
        return false;
    uint64_t count;
    ssize_t n = read(task->fd, &count, sizeof count);
    (void)n; // nothing there is fine
    if (!atomic_load(&task->finished))
        return false;
    pthread_join(task->thread, NULL);
    if (task->error.code != ERR_OK)
        str_add(says, task->error.msg);
    else if (atomic_load(&task->cancel))
        str_addf(says, "npz set stopped after %zu of %zu pictures",
                 atomic_load(&task->done), task->count);
    else
        str_addf(says, "npz set of %zu pictures in %s, list in npz.txt",
                 task->count - task->failed, task->target);
    if (task->failed > 0)
        str_addf(says, "; %zu left out: %s", task->failed, task->first_failure);
    task_release(task);
    return true;
}

void export_npz_close(struct export_task *task)
{
    if (!task->running)
        return;
    atomic_store(&task->cancel, true);
    pthread_join(task->thread, NULL);
    task_release(task);
}

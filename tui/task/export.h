#ifndef TUI_TASK_EXPORT_H
#define TUI_TASK_EXPORT_H

// Files out of what the filter shows: tables at once, npz sets on a thread of their own.

#include "tui/state.h"

#include "base/err.h"
#include "base/str.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

// format: csv, jsonl, datalist, npz or confusion. says what was written.
enum err_code export_view(const struct state *state, const char *format, const char *path,
                          bool force, struct str *says, struct err *e) MUST_CHECK;

// The n-th format, NULL after the last.
const char *export_format_name(size_t n);

struct export_task {
    bool running;
    pthread_t thread;
    const struct ds *ds;
    size_t *items;
    size_t count;
    char *target;
    int fd; // eventfd: something has happened; 0 when not running
    atomic_size_t done;
    atomic_bool cancel, finished;
    size_t failed;
    char first_failure[ERR_MSG_MAX];
    struct err error;
};

// Writes the raw npz set and its datalist (TARGET/npz.txt) of what the view shows.
enum err_code export_npz_start(struct export_task *task, const struct state *state,
                               const char *target, struct err *e) MUST_CHECK;
int export_npz_fd(const struct export_task *task); // -1 when not running
// True when it has just ended; says what was written, or why not.
bool export_npz_ended(struct export_task *task, struct str *says);
// Cancels and waits.
void export_npz_close(struct export_task *task);

#endif

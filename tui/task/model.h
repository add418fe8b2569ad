#ifndef TUI_TASK_MODEL_H
#define TUI_TASK_MODEL_H

// The model, opened by a thread of its own while the pictures are on the screen already.

#include "pipeline/pipeline.h"

#include "base/err.h"

#include <pthread.h>
#include <stdbool.h>

struct model {
    const struct pipe_setup_opts *opts; // NULL: none was asked for
    bool opening;
    int fd; // eventfd, readable at the end of opening; 0: none
    pthread_t thread;
    struct pipe_setup opened; // with an error below, nothing
    struct err error;
};

// Begins to open; opts are borrowed, NULL: browse without a model.
enum err_code model_start(struct model *model, const struct pipe_setup_opts *opts,
                          struct err *e) MUST_CHECK;

int model_fd(const struct model *model); // -1: none

// True when opening has just ended, well or with *rc and its error.
bool model_ended(struct model *model, enum err_code *rc, struct err *e);

// The open model; NULL while there is none.
const struct pipe_setup *model_setup(const struct model *model);

void model_close(struct model *model);

#endif

#include "tui/task/model.h"

#include "tui/task/thread.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void *open_model(void *arg)
{
    struct model *model = arg;
    model->error.code = pipe_setup_open(model->opts, &model->opened, &model->error);
    uint64_t one = 1;
    ssize_t n = write(model->fd, &one, sizeof one);
    (void)n; // an eventfd at 0 takes it
    return NULL;
}

enum err_code model_start(struct model *model, const struct pipe_setup_opts *opts,
                          struct err *e)
{
    *model = (struct model){.opts = opts};
    if (!opts)
        return ERR_OK;
    model->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int errnum = model->fd < 0 ? errno : thread_start(&model->thread, open_model, model);
    if (errnum != 0)
        return err_set_errno(e, errnum, "model thread", "cannot start");
    model->opening = true;
    return ERR_OK;
}

int model_fd(const struct model *model)
{
    return model->opening ? model->fd : -1;
}

bool model_ended(struct model *model, enum err_code *rc, struct err *e)
{
    uint64_t count;
    if (!model->opening || read(model->fd, &count, sizeof count) < 0)
        return false;
    pthread_join(model->thread, NULL);
    model->opening = false;
    *rc = model->error.code;
    *e = model->error;
    return true;
}

const struct pipe_setup *model_setup(const struct model *model)
{
    return model->opened.model && !model->opening ? &model->opened : NULL;
}

void model_close(struct model *model)
{
    if (model->opening)
        pthread_join(model->thread, NULL);
    if (model->fd > 0)
        close(model->fd);
    pipe_setup_release(&model->opened);
    *model = (struct model){0};
}

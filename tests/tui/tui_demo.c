// The explorer on the fake pipeline, for the screen tests:
//   tui_demo [--evaluate] [--no-model | --damaged-model] [--ascii] [--db FILE] DATASET

#include "tui/tui.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct labels *fake_labels; // of fake_pipeline.c

static int fail(const struct err *e)
{
    (void)fprintf(stderr, "tui_demo: %s\n", e->msg);
    return err_exit_status(e->code);
}

int main(int argc, char **argv)
{
    struct err e = {0};
    struct tui_opts opts = {.threads = 1};
    struct pipe_setup_opts model = {.model = "fake.keras"};
    opts.model = &model;
    const char *path = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--evaluate") == 0)
            opts.evaluate = true;
        else if (strcmp(argv[i], "--no-model") == 0)
            opts.model = NULL;
        else if (strcmp(argv[i], "--damaged-model") == 0)
            model.model = "damaged.keras";
        else if (strcmp(argv[i], "--ascii") == 0)
            opts.ascii = true;
        else if (strcmp(argv[i], "--db") == 0 && i + 1 < argc)
            opts.db = argv[++i];
        else if (strcmp(argv[i], "--crash") == 0)
            (void)setenv("XLENS_FAKE_CRASH", "1", 1);
        else
            path = argv[i];
    }
    struct ds *ds = NULL;
    struct ds_opts ds_opts = {0};
    if (!path || ds_open(path, &ds_opts, &ds, &e) != ERR_OK)
        return fail(&e);
    fake_labels = ds_own_labels(ds) ? ds_own_labels(ds) : labels_imagenet();
    opts.ds = ds;
    enum err_code rc = tui_run(&opts, &e);
    ds_close(ds);
    return rc == ERR_OK ? 0 : fail(&e);
}

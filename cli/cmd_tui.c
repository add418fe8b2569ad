#include "cli/cmd.h"
#include "cli/open/database.h"
#include "cli/open/model.h"

#include "tui/tui.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

struct tui_args {
    struct model_args model;
    const char *db;
    bool evaluate, ascii;
};

static const struct opt tui_rows[] = {
    MODEL_OPTS(offsetof(struct tui_args, model), false),
    DATABASE_OPT(offsetof(struct tui_args, db)),
    {.name = "evaluate",
     .help = "begin to evaluate everything, in the background",
     .kind = OPT_FLAG,
     .offset = offsetof(struct tui_args, evaluate)},
    {.name = "ascii",
     .help = "draw with ASCII only, whatever the locale says",
     .kind = OPT_FLAG,
     .offset = offsetof(struct tui_args, ascii)},
    {0},
};

static enum err_code open_labels(const struct model_args *args, struct labels **labels,
                                 struct err *e)
{
    return args->label ? labels_open(args->label, labels, e) : ERR_OK;
}

static enum err_code run_tui(struct cli *cli, void *fields, struct err *e)
{
    enum err_code rc;
    const struct tui_args *args = fields;
    struct labels *labels = NULL;
    struct ds *ds = NULL;
    struct pipe_setup setup = {0};
    char *db = NULL;
    if (args->evaluate && !args->model.model)
        return err_set(e, ERR_USAGE, "--evaluate: no model, expected -m MODEL with it");
    const char *path = cli->operand_count ? cli->operands[0] : ".";
    if (!strchr(path, '/') && !file_exists(path)) // perhaps a command was meant
        return err_set(e, ERR_MISSING,
                       "%s: no such command, file or folder; xlens --help lists the "
                       "commands",
                       path);
    TRY(open_labels(&args->model, &labels, e));
    const struct ds_opts opts = {.labels = labels};
    TRY(ds_open(path, &opts, &ds, e));
    if (args->model.model)
        TRY(model_setup_open(cli, &args->model, &setup, e));
    TRY(database_path(args->db, true, &db, e));
    const struct tui_opts tui = {
        .ds = ds,
        .setup = args->model.model ? &setup : NULL,
        .labels = labels ? labels : ds_own_labels(ds),
        .db = db,
        .threads = cli->threads,
        .color = (enum tui_color)cli->color,
        .evaluate = args->evaluate,
        .ascii = args->ascii,
    };
    rc = tui_run(&tui, e);
out:
    free(db);
    pipe_setup_release(&setup);
    ds_close(ds);
    labels_close(labels);
    return rc;
}

const struct cmd cmd_tui = {
    .name = "xlens",
    .operands = "[DATASET]",
    .max_operands = 1,
    .about =
        "Opens a dataset (the current folder without one) in the terminal: pictures, "
        "labels and predictions, with a model also evaluation while you look.",
    .opts = tui_rows,
    .size = sizeof(struct tui_args),
    .run = run_tui,
};

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

// The class names kept with the newest run over the dataset; NULL when there are none. A
// database that cannot be read is the explorer's to tell.
static struct labels *kept_labels(const char *db, const struct ds *ds)
{
    struct cache *cache = NULL;
    struct cache_run *runs = NULL;
    struct labels *labels = NULL;
    size_t count = 0;
    if (cache_open(db, false, &cache, NULL) != ERR_OK)
        return NULL;
    if (cache_runs(cache, &runs, &count, NULL) == ERR_OK)
        for (size_t i = 0; i < count && !labels; i++)
            if (strcmp(runs[i].dataset, ds_root(ds)) == 0)
                labels = labels_from_json(runs[i].labels, runs[i].classes);
    cache_runs_release(runs, count);
    cache_close(cache);
    return labels;
}

// Without a model predictions are those of a run, and classes count as they did in it: a
// table that names its classes is read with those names.
static enum err_code open_dataset(const char *path, const struct tui_args *args,
                                  const char *db, struct labels **labels, struct ds **ds,
                                  struct err *e)
{
    struct ds_opts opts = {.labels = *labels};
    enum err_code rc = ds_open(path, &opts, ds, e);
    if (rc != ERR_OK || *labels || args->model.model)
        return rc;
    struct labels *kept = kept_labels(db, *ds);
    struct ds *again = NULL;
    opts.labels = kept;
    if (!kept || ds_open(path, &opts, &again, NULL) != ERR_OK) {
        labels_close(kept);
        return ERR_OK;
    }
    ds_close(*ds);
    *ds = again;
    *labels = kept;
    return ERR_OK;
}

static enum err_code run_tui(struct cli *cli, void *fields, struct err *e)
{
    enum err_code rc;
    const struct tui_args *args = fields;
    struct labels *labels = NULL;
    struct ds *ds = NULL;
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
    TRY(database_path(args->db, true, &db, e));
    TRY(open_dataset(path, args, db, &labels, &ds, e));
    const struct pipe_setup_opts model = model_setup_opts(cli, &args->model);
    const struct tui_opts tui = {
        .ds = ds,
        .model = args->model.model ? &model : NULL,
        .labels = args->model.label ? labels : NULL,
        .db = db,
        .threads = cli->threads,
        .color = (enum tui_color)cli->color,
        .evaluate = args->evaluate,
        .ascii = args->ascii,
    };
    rc = tui_run(&tui, e);
out:
    free(db);
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

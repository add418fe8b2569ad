#include "cli/cmd.h"
#include "cli/open/database.h"
#include "cli/open/dataset.h"
#include "cli/out/bar.h"
#include "cli/out/interrupt.h"
#include "cli/out/json.h"
#include "cli/out/say.h"

#include "dataset/dataset.h"
#include "pipeline/foreign.h"
#include "report/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct import_args {
    const char *run, *dataset, *label, *val_label, *db;
    int label_order; // 1: the devkit's
    bool force;
};

static const struct opt import_opts[] = {
    {.name = "run",
     .value = "NAME",
     .help = "name of the run; one that was imported over the same pictures is replaced",
     .kind = OPT_TEXT,
     .offset = offsetof(struct import_args, run),
     .required = true},
    {.name = "dataset",
     .value = "DATASET",
     .help = "what the results are of: paired by name, labels from there; default: the "
             "files that the results name, labels as they say or by WordNet id of the "
             "folder",
     .kind = OPT_TEXT,
     .offset = offsetof(struct import_args, dataset)},
    {.name = "label",
     .value = "FILE",
     .help = "class names; default: the 1000 ImageNet classes",
     .kind = OPT_TEXT,
     .offset = offsetof(struct import_args, label)},
    VAL_LABEL_OPT(offsetof(struct import_args, val_label)),
    LABEL_ORDER_OPT(offsetof(struct import_args, label_order)),
    DATABASE_OPT(offsetof(struct import_args, db)),
    {.name = "force",
     .help = "replace an imported run of that name over other pictures, too",
     .kind = OPT_FLAG,
     .offset = offsetof(struct import_args, force)},
    {0},
};

static enum err_code print_result(const struct cli *cli, const char *name,
                                  const struct foreign_imported *r, struct err *e)
{
    double top1 = rep_percent(r->top1, r->labelled);
    double top5 = rep_percent(r->top5, r->labelled);
    if (!cli->json) {
        char percent1[16], percent5[16];
        say_percent(percent1, top1);
        say_percent(percent5, top5);
        (void)printf(
            "run %" PRId64 ", %s: %zu of %zu pictures, %zu failed, %zu labelled, "
            "top-1 %s, top-5 %s\n",
            r->run, name, r->rows, r->images, r->failed, r->labelled, percent1, percent5);
        return ERR_OK;
    }
    cJSON *document = cJSON_CreateObject();
    json_number(document, "run", (double)r->run);
    json_text(document, "name", name);
    json_number(document, "images", (double)r->images);
    json_number(document, "rows", (double)r->rows);
    json_number(document, "failed", (double)r->failed);
    json_number(document, "labelled", (double)r->labelled);
    json_number(document, "top1", top1);
    json_number(document, "top5", top5);
    json_number(document, "strangers", (double)r->strangers);
    json_number(document, "label_conflicts", (double)r->conflicts);
    return json_print(document, e);
}

static void tell_error(void *ctx, const char *message)
{
    say_error(ctx, message);
}

static enum err_code judge(const struct cli *cli, const struct import_args *args,
                           const struct foreign_imported *r, struct err *e)
{
    const char *path = cli->operands[0];
    if (r->conflicts)
        say_note(cli, "%s: %zu labels are not those of %s, which count", path,
                 r->conflicts, args->dataset ? args->dataset : args->val_label);
    if (r->strangers)
        return err_set(e, ERR_FAILED,
                       "%s: %zu results belong to no picture of %s, such "
                       "as %s",
                       path, r->strangers, args->dataset, r->stranger);
    if (r->failed)
        return err_set(e, ERR_FAILED, "%s: %zu of %zu results hold no prediction", path,
                       r->failed, r->rows);
    return ERR_OK;
}

static enum err_code run_import(struct cli *cli, void *fields, struct err *e)
{
    enum err_code rc;
    const struct import_args *args = fields;
    struct labels *labels = NULL;
    struct ds *ds = NULL;
    char *db = NULL;
    struct foreign_imported result;
    struct bar bar;
    if (args->label)
        TRY(labels_open(args->label, &labels, e));
    const struct ds_opts opts = {
        .labels = labels,
        .ilsvrc_order = args->label_order == 1,
        .val_label = args->val_label,
    };
    if (args->dataset)
        TRY(ds_open(args->dataset, &opts, &ds, e));
    TRY(database_path(args->db, true, &db, e));
    const struct foreign_import what = {
        .path = cli->operands[0],
        .name = args->run,
        .db = db,
        .ds = ds,
        .val_label = args->val_label,
        .ilsvrc_order = args->label_order == 1,
        .labels = labels,
        .force = args->force,
        .cancel = interrupt_watch(),
        .progress = {bar_tell, &bar},
    };
    bar_open(&bar, cli);
    rc = foreign_import(&what, tell_error, cli, &result, e);
    bar_close(&bar);
    TRY(rc);
    TRY(print_result(cli, args->run, &result, e));
    TRY(judge(cli, args, &result, e));
out:
    free(db);
    ds_close(ds);
    labels_close(labels);
    return rc;
}

const struct cmd cmd_import = {
    .name = "import",
    .operands = "FILE|FOLDER",
    .min_operands = 1,
    .max_operands = 1,
    .about =
        "Stores predictions made elsewhere as a run, to be browsed and compared like "
        "others: a folder of result npz, Relay text, csv (file, class, prob; file, top1 "
        "…, prob1 …; or file and a column a class) or JSON lines. Logits and "
        "probabilities are told apart. A bad line refuses the file, a damaged npz is a "
        "row with its error.",
    .opts = import_opts,
    .size = sizeof(struct import_args),
    .run = run_import,
};

#include "cli/cmd.h"
#include "cli/open/database.h"
#include "cli/open/dataset.h"
#include "cli/open/model.h"
#include "cli/out/interrupt.h"
#include "cli/out/json.h"
#include "cli/out/say.h"
#include "cli/run/detach.h"
#include "cli/run/shard.h"
#include "cli/run/watch.h"

#include "report/export.h"
#include "report/report.h"

#include "base/file.h"
#include "base/mem.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct eval_args {
    struct model_args model;
    const char *db, *name, *shard, *result_txt, *val_label;
    int limit;
    int label_order; // place in "wnid ilsvrc"
    double until, min_top1;
    bool detach, rerun;
};

static const struct opt eval_opts[] = {
    MODEL_OPTS(offsetof(struct eval_args, model), true),
    DATABASE_OPT(offsetof(struct eval_args, db)),
    {.name = "name",
     .value = "NAME",
     .help = "name of the run; default: the model's and the date",
     .kind = OPT_TEXT,
     .offset = offsetof(struct eval_args, name)},
    {.name = "limit",
     .value = "N",
     .help = "only the first N pictures of the dataset",
     .kind = OPT_INT,
     .min = 1,
     .max = 1e9,
     .offset = offsetof(struct eval_args, limit)},
    {.name = "shard",
     .value = "I/N",
     .help = "only the I-th of N parts, I from 1 to N (0 is N); auto or auto/N: from "
             "SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT or JOB_COMPLETION_INDEX",
     .kind = OPT_TEXT,
     .offset = offsetof(struct eval_args, shard)},
    {.name = "until",
     .value = "±P",
     .help = "stop when top-1 is known within P points (95 % interval)",
     .kind = OPT_MARGIN,
     .min = 0.001,
     .max = 50,
     .offset = offsetof(struct eval_args, until)},
    {.name = "min-top1",
     .value = "P",
     .help = "exit status 1 when top-1 is below P percent",
     .kind = OPT_REAL,
     .min = 0,
     .max = 100,
     .offset = offsetof(struct eval_args, min_top1)},
    {.name = "result_txt",
     .value = "FILE",
     .help = "write the top five as Relay text, five lines a picture",
     .kind = OPT_TEXT,
     .offset = offsetof(struct eval_args, result_txt)},
    VAL_LABEL_OPT(offsetof(struct eval_args, val_label)),
    LABEL_ORDER_OPT(offsetof(struct eval_args, label_order)),
    {.name = "detach",
     .help = "go on in the background; xlens jobs shows and stops it",
     .kind = OPT_FLAG,
     .offset = offsetof(struct eval_args, detach)},
    {.name = "rerun",
     .help = "run the network even where the database has the answer",
     .kind = OPT_FLAG,
     .offset = offsetof(struct eval_args, rerun)},
    {0},
};
static const struct eval_args eval_defaults = {.min_top1 = -1};

struct eval {
    const struct cli *cli;
    const struct eval_args *args;
    struct pipe_setup setup;
    struct ds *ds;
    char *db;
    struct shard shard;
    size_t *subset;
    size_t subset_count;
    struct row *rows; // by item, for --result_txt; else NULL
    struct detach *worker;
};

static void take_event(void *ctx, const struct pipe_event *event)
{
    struct eval *ev = ctx;
    if (ev->rows)
        ev->rows[event->item] = event->row;
}

static void tick(void *ctx, struct pipe_job *job, const struct pipe_progress *progress)
{
    struct eval *ev = ctx;
    if (ev->worker)
        detach_tick(ev->worker, job, progress);
}

// ---- results ----

static enum err_code print_document(const struct pipe_progress *p, struct err *e)
{
    cJSON *document = cJSON_CreateObject();
    json_number(document, "images", (double)p->done);
    json_number(document, "labelled", (double)p->labelled);
    json_number(document, "failed", (double)p->failed);
    json_number(document, "top1", rep_percent(p->top1, p->labelled));
    json_number(document, "top5", rep_percent(p->top5, p->labelled));
    json_number(document, "seconds", p->seconds);
    json_number(document, "images_per_second",
                p->seconds > 0 ? (double)p->done / p->seconds : (double)NAN);
    json_number(document, "from_cache", (double)p->from_cache);
    json_number(document, "total", (double)p->total);
    json_number(document, "run", (double)p->run);
    return json_print(document, e);
}

static void print_accuracy(const struct cli *cli, const char *name, size_t hits,
                           size_t of)
{
    char percent[16];
    struct rep_interval i = rep_wilson(hits, of);
    say_percent(percent, rep_percent(hits, of));
    say_painted(cli, SAY_BOLD, "%-10s %10s", name, percent);
    if (of)
        (void)printf("  [%.3f, %.3f]", i.low, i.high);
    (void)putchar('\n');
}

static void print_figures(const struct cli *cli, const struct pipe_progress *p)
{
    (void)printf("%-10s %10zu\n%-10s %10zu\n", "images", p->done, "labelled",
                 p->labelled);
    say_painted(cli, p->failed ? SAY_BAD : SAY_PLAIN, "%-10s %10zu\n", "failed",
                p->failed);
    (void)printf("%-10s %10zu\n", "from cache", p->from_cache);
    print_accuracy(cli, "top-1", p->top1, p->labelled);
    print_accuracy(cli, "top-5", p->top5, p->labelled);
    (void)printf("%-10s %10.3f\n", "seconds", p->seconds);
    if (p->labelled)
        (void)printf("[VACC]:  top1_rate: %.3f top5_rate: %.3f\n",
                     rep_percent(p->top1, p->labelled),
                     rep_percent(p->top5, p->labelled));
}

static enum err_code write_result_txt(const struct eval *ev, struct err *e)
{
    struct file_out out = {0};
    enum err_code rc = file_out_open(&out, ev->args->result_txt, true, e);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < ds_count(ev->ds); i++)
        if (row_done(&ev->rows[i]))
            rep_relay_write(out.stream, ev->rows[i].file, &ev->rows[i], ev->setup.labels);
    return file_out_commit(&out, e);
}

static enum err_code judge(const struct eval *ev, const struct pipe_progress *p,
                           enum err_code ran, struct err *e)
{
    double top1 = rep_percent(p->top1, p->labelled), least = ev->args->min_top1;
    if (ran == ERR_OK && least >= 0 && !(top1 >= least)) {
        char percent[16];
        say_percent(percent, top1);
        return err_set(e, ERR_FAILED, "%s: top-1 is %s, expected at least %.3f",
                       ds_root(ev->ds), percent, least);
    }
    if (ran == ERR_FAILED)
        return err_set(e, ERR_FAILED,
                       "%s: %zu of %zu pictures failed; xlens export "
                       "--filter error lists them",
                       ds_root(ev->ds), p->failed, p->done);
    return ran;
}

// ---- the evaluation ----

static enum err_code choose_subset(struct eval *ev, struct err *e)
{
    size_t n = ds_count(ev->ds), limit = (size_t)ev->args->limit;
    if (limit && limit < n)
        n = limit;
    ev->subset = mem_array(n, sizeof *ev->subset);
    if (!ev->subset)
        return err_set(e, ERR_NOMEM, "no memory for %zu pictures", n);
    for (size_t i = (size_t)ev->shard.index; i < n; i += (size_t)ev->shard.count)
        ev->subset[ev->subset_count++] = i;
    return ERR_OK;
}

static void warn_of_labels(const struct eval *ev)
{
    int classes = eng_model_info(ev->setup.model)->classes, most = -1;
    for (size_t i = 0; i < ds_count(ev->ds); i++)
        if (ds_item(ev->ds, i)->label > most)
            most = ds_item(ev->ds, i)->label;
    if (most >= classes)
        say_note(ev->cli, "%s: labels go up to class %d, but the model has %d classes",
                 ds_root(ev->ds), most, classes);
}

static enum err_code open_all(struct eval *ev, struct err *e)
{
    enum err_code rc;
    const struct eval_args *args = ev->args;
    TRY(model_setup_open(ev->cli, &args->model, &ev->setup, e));
    const struct ds_opts opts = {
        .labels = args->model.label || ev->setup.background ? ev->setup.labels : NULL,
        .ilsvrc_order = args->label_order == 1,
        .val_label = args->val_label,
    };
    TRY(ds_open(ev->cli->operands[0], &opts, &ev->ds, e));
    TRY(choose_subset(ev, e));
    TRY(database_path(args->db, true, &ev->db, e));
    warn_of_labels(ev);
    if (args->result_txt) {
        ev->rows = mem_array(ds_count(ev->ds), sizeof *ev->rows);
        if (!ev->rows) {
            rc = err_set(e, ERR_NOMEM, "no memory for %zu rows", ds_count(ev->ds));
            goto out;
        }
    }
out:
    return rc;
}

static enum err_code evaluate(struct eval *ev, struct pipe_progress *end, struct err *e)
{
    enum err_code rc, ran;
    const struct eval_args *args = ev->args;
    struct pipe_job *job = NULL;
    TRY(open_all(ev, e));
    const struct pipe_spec spec = {
        .setup = &ev->setup,
        .ds = ev->ds,
        .subset = ev->subset,
        .subset_count = ev->subset_count,
        .threads = ev->cli->threads,
        .db = ev->db,
        .name = args->name,
        .shuffle = true,
        .force = args->rerun,
        .until = args->until,
    };
    const struct watch watch = {take_event, tick, ev};
    if (ev->worker)
        TRY(detach_begin(ev->worker, ev->db, ds_root(ev->ds), args->model.model, e));
    TRY(pipe_job_start(&spec, &job, e));
    watch_job(ev->cli, job, &watch, end);
    ran = watch_result(end, e);
    if (ran == ERR_OK || ran == ERR_FAILED || ran == ERR_INTERRUPTED) {
        if (ev->rows)
            TRY(write_result_txt(ev, e));
        if (ev->cli->json)
            TRY(print_document(end, e));
        else
            print_figures(ev->cli, end);
    }
    rc = judge(ev, end, ran, e);
out:
    pipe_job_close(job);
    return rc;
}

static enum err_code tell_started(const struct cli *cli,
                                  const struct detach_started *started, struct err *e)
{
    if (!cli->json) {
        (void)printf("job %" PRId64 ", process %ld, log %s\n", started->job, started->pid,
                     started->log);
        return ERR_OK;
    }
    cJSON *document = cJSON_CreateObject();
    json_number(document, "job", (double)started->job);
    json_number(document, "pid", (double)started->pid);
    json_text(document, "log", started->log);
    return json_print(document, e);
}

static enum err_code run_eval(struct cli *cli, void *fields, struct err *e)
{
    struct eval ev = {.cli = cli, .args = fields, .shard = {0, 1}};
    struct pipe_progress end = {0};
    struct detach_started started = {0};
    (void)interrupt_watch();
    if (ev.args->shard) {
        enum err_code rc = shard_parse(ev.args->shard, &ev.shard, e);
        if (rc != ERR_OK)
            return rc;
    }
    if (ev.args->detach) {
        enum err_code rc = detach_fork(&ev.worker, &started, e);
        if (rc != ERR_OK)
            return rc;
        if (!ev.worker)
            return tell_started(cli, &started, e);
        cli->quiet = true;
        cli->paint_out = cli->paint_err = false;
    }
    enum err_code rc = evaluate(&ev, &end, e);
    detach_end(ev.worker, &end, rc, e);
    free(ev.rows);
    free(ev.subset);
    free(ev.db);
    ds_close(ev.ds);
    pipe_setup_release(&ev.setup);
    return rc;
}

const struct cmd cmd_eval = {
    .name = "eval",
    .operands = "DATASET",
    .min_operands = 1,
    .max_operands = 1,
    .about = "Runs the network on every picture that the database has no prediction for "
             "and prints top-1 and top-5 over all. Can be stopped at any time (^C) and "
             "goes on where it was.",
    .opts = eval_opts,
    .size = sizeof(struct eval_args),
    .defaults = &eval_defaults,
    .run = run_eval,
};

#include "cli/cmd.h"
#include "cli/open/dataset.h"
#include "cli/open/view.h"
#include "cli/out/json.h"
#include "cli/out/say.h"
#include "cli/score/results.h"

#include "report/export.h"
#include "report/report.h"

#include "base/clock.h"
#include "base/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DIFFERENCES_SHOWN = 10 };

struct score_args {
    const char *result_path, *datalist, *label, *val_label, *result_txt;
    int label_order; // place in "wnid ilsvrc"
    struct view_args view;
    bool compat_vamp, force;
};

static const struct opt score_opts[] = {
    {.name = "result_path",
     .value = "OUT",
     .help =
         "folder of result npz files, or a file: Relay text, csv (file, class, prob or "
         "file, top1 …, prob1 …) or jsonl",
     .kind = OPT_TEXT,
     .offset = offsetof(struct score_args, result_path),
     .required = true},
    {.name = "datalist",
     .value = "FILE",
     .help = "what the results are of, a path a line",
     .kind = OPT_TEXT,
     .offset = offsetof(struct score_args, datalist),
     .required = true},
    {.name = "label",
     .value = "FILE",
     .help = "class names; default: the 1000 ImageNet classes",
     .kind = OPT_TEXT,
     .offset = offsetof(struct score_args, label)},
    {.name = "val_label",
     .value = "FILE",
     .help = "the truth; default: the number behind a path in the datalist, else the "
             "WordNet id or name of its folder",
     .kind = OPT_TEXT,
     .offset = offsetof(struct score_args, val_label)},
    LABEL_ORDER_OPT(offsetof(struct score_args, label_order)),
    {.name = "result_txt",
     .value = "FILE",
     .help = "write the top five as Relay text, five lines a picture",
     .kind = OPT_TEXT,
     .offset = offsetof(struct score_args, result_txt)},
    {.name = "compat-vamp",
     .help =
         "as the old scripts: results pair with the datalist by sorted place, classes "
         "are compared by name; says where that differs",
     .kind = OPT_FLAG,
     .offset = offsetof(struct score_args, compat_vamp)},
    VIEW_OPTS(offsetof(struct score_args, view)),
    {.name = "force",
     .help = "overwrite FILE of --result_txt",
     .kind = OPT_FLAG,
     .offset = offsetof(struct score_args, force)},
    {0},
};

struct tally {
    size_t images, labelled, failed, top1, top5;
};

struct score {
    const struct cli *cli;
    const struct score_args *args;
    struct results results;
    struct view view;         // of results.rows
    struct tally tally, ours; // ours: by name and class id, also with --compat-vamp
    size_t differ;
    double seconds;
};

static void count(struct tally *t, const struct row *row, int rank)
{
    t->images++;
    t->failed += !row_done(row);
    if (!row_scored(row))
        return;
    t->labelled++;
    t->top1 += rank == 0;
    t->top5 += rank >= 0;
}

static void tell_difference(struct score *s, size_t place, int ours, int theirs)
{
    const struct ds_item *item = ds_item(s->results.ds, place);
    if (s->differ++ < DIFFERENCES_SHOWN)
        say_note(s->cli,
                 "%s: the label is at rank %d by name and class id, at rank %d as the "
                 "scripts score it (0: not among five)",
                 item->name, ours + 1, theirs + 1);
}

static void gather(struct score *s)
{
    const struct results *r = &s->results;
    size_t n = ds_count(r->ds);
    for (size_t i = 0; i < n; i++)
        count(&s->ours, &r->rows[i], row_rank(&r->rows[i]));
    s->tally = s->ours;
    if (!s->args->compat_vamp)
        return;
    s->tally = (struct tally){0};
    for (size_t i = 0; i < n; i++) {
        int ours = row_rank(&r->rows[i]), theirs = -1;
        if (i < r->sorted_count) {
            theirs = results_rank_by_name(r, i);
            count(&s->tally, &r->sorted[i], theirs);
        }
        bool either =
            row_scored(&r->rows[i]) || (i < r->sorted_count && row_scored(&r->sorted[i]));
        if (either && ours != theirs)
            tell_difference(s, i, ours, theirs);
    }
}

static enum err_code print_document(const struct score *s, struct err *e)
{
    const struct tally *t = &s->tally, *ours = &s->ours;
    cJSON *document = cJSON_CreateObject();
    json_number(document, "images", (double)t->images);
    json_number(document, "labelled", (double)t->labelled);
    json_number(document, "failed", (double)t->failed);
    json_number(document, "top1", rep_percent(t->top1, t->labelled));
    json_number(document, "top5", rep_percent(t->top5, t->labelled));
    json_number(document, "seconds", s->seconds);
    json_number(document, "images_per_second",
                s->seconds > 0 ? (double)t->images / s->seconds : (double)NAN);
    json_number(document, "from_cache", 0);
    if (s->args->compat_vamp) {
        json_number(document, "differ", (double)s->differ);
        json_number(document, "top1_by_id", rep_percent(ours->top1, ours->labelled));
        json_number(document, "top5_by_id", rep_percent(ours->top5, ours->labelled));
    }
    view_json(&s->args->view, &s->view, document);
    return json_print(document, e);
}

static void print_figures(const struct score *s)
{
    const struct tally *t = &s->tally;
    double top1 = rep_percent(t->top1, t->labelled);
    double top5 = rep_percent(t->top5, t->labelled);
    char percent[16];
    (void)printf("%-10s %10zu\n%-10s %10zu\n", "images", t->images, "labelled",
                 t->labelled);
    say_painted(s->cli, t->failed ? SAY_BAD : SAY_PLAIN, "%-10s %10zu\n", "failed",
                t->failed);
    say_percent(percent, top1);
    say_painted(s->cli, SAY_BOLD, "%-10s %10s\n", "top-1", percent);
    say_percent(percent, top5);
    say_painted(s->cli, SAY_BOLD, "%-10s %10s\n", "top-5", percent);
    (void)printf("%-10s %10.3f\n", "seconds", s->seconds);
    if (s->args->compat_vamp)
        (void)printf("%-10s %10zu\n", "differ", s->differ);
    view_print(&s->args->view, &s->view);
    if (t->labelled)
        (void)printf("[VACC]:  top1_rate: %.3f top5_rate: %.3f\n", top1, top5);
}

static enum err_code write_relay(const struct score *s, struct err *e)
{
    const struct results *r = &s->results;
    struct file_out out = {0};
    enum err_code rc = file_out_open(&out, s->args->result_txt, s->args->force, e);
    if (rc != ERR_OK)
        return rc;
    const struct row *rows = s->args->compat_vamp ? r->sorted : r->rows;
    size_t n = s->args->compat_vamp ? r->sorted_count : ds_count(r->ds);
    for (size_t i = 0; i < n; i++)
        rep_relay_write(out.stream, ds_item(r->ds, i)->name, &rows[i], r->labels);
    return file_out_commit(&out, e);
}

// What does not fit together, told after the figures.
static enum err_code complain(const struct score *s, struct err *e)
{
    const struct results *r = &s->results;
    if (r->strangers)
        return err_set(
            e, ERR_FAILED, "%s: %zu results belong to no line of %s, such as %s",
            s->args->result_path, r->strangers, s->args->datalist, r->stranger);
    if (s->ours.failed)
        return err_set(e, ERR_FAILED, "%s: %zu of %zu lines have no result",
                       s->args->datalist, s->ours.failed, s->ours.images);
    return ERR_OK;
}

static enum err_code run_score(struct cli *cli, void *fields, struct err *e)
{
    enum err_code rc;
    struct score s = {.cli = cli, .args = fields};
    const struct results_spec spec = {
        .path = s.args->result_path,
        .datalist = s.args->datalist,
        .label = s.args->label,
        .val_label = s.args->val_label,
        .ilsvrc_order = s.args->label_order == 1,
        .sorted = s.args->compat_vamp,
    };
    double begin = clock_now();
    if (s.args->compat_vamp && (s.args->view.real || s.args->view.fold))
        TRY(err_set(
            e, ERR_USAGE,
            "score: --compat-vamp: knows no other truths, expected neither --real "
            "nor --fold"));
    TRY(results_open(cli, &spec, &s.results, e));
    if (s.args->result_txt)
        TRY(write_relay(&s, e)); // of the network's own classes
    TRY(view_open(&s.args->view, s.results.labels, s.results.rows, ds_count(s.results.ds),
                  &s.view, e));
    gather(&s);
    s.seconds = clock_now() - begin;
    if (cli->json)
        TRY(print_document(&s, e));
    else
        print_figures(&s);
    TRY(complain(&s, e));
out:
    view_release(&s.view);
    results_close(&s.results);
    return rc;
}

const struct cmd cmd_score = {
    .name = "score",
    .operands = "",
    .about =
        "Top-1 and top-5 of result npz files or of Relay text. Results pair with the "
        "datalist by name and are compared with the truth by class id.",
    .opts = score_opts,
    .size = sizeof(struct score_args),
    .run = run_score,
};

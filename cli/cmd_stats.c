#include "cli/cmd.h"
#include "cli/open/database.h"
#include "cli/open/view.h"
#include "cli/out/json.h"
#include "cli/out/say.h"

#include "report/report.h"

#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAIRS_SHOWN = 10, NAME_MAX_BYTES = 24 };
enum by { BY_ALL, BY_CLASS, BY_PAIR, BY_BIN };

struct stats_args {
    const char *db, *run, *label, *class_name;
    struct view_args view;
    int by; // enum by
};

static const struct opt stats_opts[] = {
    DATABASE_RUN_OPTS(offsetof(struct stats_args, db), offsetof(struct stats_args, run),
                      offsetof(struct stats_args, label)),
    {.name = "class",
     .value = "C",
     .help = "only pictures of this class: index, WordNet id or name",
     .kind = OPT_TEXT,
     .offset = offsetof(struct stats_args, class_name)},
    {.name = "by",
     .value = "WHAT",
     .help = "a table instead of the summary",
     .kind = OPT_CHOICE,
     .choices = "all class pair bin",
     .offset = offsetof(struct stats_args, by)},
    VIEW_OPTS(offsetof(struct stats_args, view)),
    {0},
};

struct stats {
    const struct cli *cli;
    const struct stats_args *args;
    struct database_run run;
    struct view view; // of its rows
    int class_index;  // -1: all
    struct rep_summary sum;
};

static const char *name_of(const struct stats *s, int index, char buf[NAME_MAX_BYTES])
{
    return labels_short(s->run.labels, index, buf, NAME_MAX_BYTES);
}

// ---- gathering ----

static enum err_code find_class(struct stats *s, struct err *e)
{
    const char *text = s->args->class_name;
    long index = -1;
    s->class_index = -1;
    if (!text)
        return ERR_OK;
    if (isdigit((unsigned char)text[0]) && str_to_long(text, &index) &&
        index < s->run.run.classes) {
        s->class_index = (int)index;
        return ERR_OK;
    }
    s->class_index = labels_find_wnid(s->run.labels, text);
    if (s->class_index < 0)
        s->class_index = labels_find_name(s->run.labels, text);
    if (s->class_index == -2)
        return err_set(e, ERR_USAGE,
                       "stats: --class %s: several classes bear the name, expected an "
                       "index or a WordNet id",
                       text);
    if (s->class_index < 0)
        return err_set(e, ERR_USAGE,
                       "stats: --class %s: no such class, expected an index below %d, a "
                       "WordNet id or a name",
                       text, s->run.run.classes);
    return ERR_OK;
}

// With other truths than the dataset's the rows are needed.
static enum err_code gather_view(struct stats *s, struct err *e)
{
    struct database_run *run = &s->run;
    enum err_code rc;
    TRY(cache_run_rows(run->cache, run->run.id, &run->rows, NULL, e));
    TRY(view_open(&s->args->view, run->labels, run->rows.rows, run->rows.count, &s->view,
                  e));
    run->labels = s->view.labels;
    run->run.classes = s->view.classes;
    TRY(find_class(s, e));
    TRY(rep_summary_rows(run->rows.rows, run->rows.count, run->run.classes,
                         s->class_index, &s->sum, e));
out:
    return rc;
}

static enum err_code gather(struct stats *s, struct err *e)
{
    struct row_cell *cells = NULL;
    size_t count = 0;
    enum err_code rc;
    if (s->args->view.real || s->args->view.fold)
        return gather_view(s, e);
    TRY(find_class(s, e));
    TRY(cache_run_cells(s->run.cache, s->run.run.id, &cells, &count, e));
    TRY(rep_summary(cells, count, s->run.run.classes, s->class_index, &s->sum, e));
out:
    free(cells);
    return rc;
}

static bool class_wanted(const struct stats *s, int index)
{
    if (s->class_index >= 0)
        return index == s->class_index;
    return s->sum.classes[index].support || s->sum.classes[index].predicted;
}

static bool wants(const struct stats *s, enum by by)
{
    return s->args->by == BY_ALL || s->args->by == (int)by;
}

// ---- JSON ----

static cJSON *class_object(const struct stats *s, const struct rep_class *c)
{
    cJSON *object = cJSON_CreateObject();
    json_number(object, "index", c->index);
    json_text(object, "label", labels_words(s->run.labels, c->index));
    json_text(object, "wnid", labels_wnid(s->run.labels, c->index));
    json_number(object, "support", (double)c->support);
    json_number(object, "predicted", (double)c->predicted);
    json_number(object, "correct", (double)c->correct);
    json_number(object, "top5", (double)c->top5);
    json_number(object, "precision", c->precision);
    json_number(object, "recall", c->recall);
    json_number(object, "f1", c->f1);
    json_number(object, "confused_with",
                c->confused_with < 0 ? (double)NAN : c->confused_with);
    json_number(object, "confused_count", (double)c->confused_count);
    return object;
}

static cJSON *pair_object(const struct stats *s, const struct rep_pair *p)
{
    cJSON *object = cJSON_CreateObject();
    json_number(object, "truth", p->truth);
    json_text(object, "truth_label", labels_words(s->run.labels, p->truth));
    json_number(object, "predicted", p->predicted);
    json_text(object, "predicted_label", labels_words(s->run.labels, p->predicted));
    json_number(object, "count", (double)p->count);
    json_number(object, "truth_total", (double)p->truth_total);
    return object;
}

static cJSON *bin_object(const struct rep_bin *b)
{
    cJSON *object = cJSON_CreateObject();
    json_number(object, "low", b->low);
    json_number(object, "high", b->high);
    json_number(object, "count", (double)b->count);
    json_number(object, "correct", (double)b->correct);
    json_number(object, "mean_confidence", b->mean_confidence);
    json_number(object, "accuracy", b->accuracy);
    return object;
}

static void add_accuracy(cJSON *document, const char *name, size_t hits, size_t of)
{
    char key[32];
    struct rep_interval i = rep_wilson(hits, of);
    json_number(document, name, rep_percent(hits, of));
    (void)snprintf(key, sizeof key, "%s_low", name);
    json_number(document, key, of ? i.low : (double)NAN);
    (void)snprintf(key, sizeof key, "%s_high", name);
    json_number(document, key, of ? i.high : (double)NAN);
}

static enum err_code print_document(const struct stats *s, struct err *e)
{
    const struct rep_tally *t = &s->sum.tally;
    cJSON *document = cJSON_CreateObject();
    json_number(document, "run", (double)s->run.run.id);
    json_text(document, "name", s->run.run.name);
    json_text(document, "state", database_run_state(&s->run.run));
    json_number(document, "images", (double)t->images);
    json_number(document, "predicted", (double)t->done);
    json_number(document, "failed", (double)t->failed);
    json_number(document, "labelled", (double)t->labelled);
    add_accuracy(document, "top1", t->top1, t->labelled);
    add_accuracy(document, "top5", t->top5, t->labelled);
    json_number(document, "ece", s->sum.ece);
    view_json(&s->args->view, &s->view, document);
    cJSON *list = wants(s, BY_CLASS) ? cJSON_AddArrayToObject(document, "classes") : NULL;
    for (int i = 0; list && i < s->run.run.classes; i++)
        if (class_wanted(s, i))
            cJSON_AddItemToArray(list, class_object(s, &s->sum.classes[i]));
    list = wants(s, BY_PAIR) ? cJSON_AddArrayToObject(document, "pairs") : NULL;
    for (size_t i = 0; list && i < s->sum.pair_count; i++)
        cJSON_AddItemToArray(list, pair_object(s, &s->sum.pairs[i]));
    list = wants(s, BY_BIN) ? cJSON_AddArrayToObject(document, "bins") : NULL;
    for (int i = 0; list && i < REP_BINS; i++)
        cJSON_AddItemToArray(list, bin_object(&s->sum.bins[i]));
    return json_print(document, e);
}

// ---- tables ----

static void print_accuracy(const struct stats *s, const char *name, size_t hits)
{
    char percent[16];
    size_t of = s->sum.tally.labelled;
    struct rep_interval i = rep_wilson(hits, of);
    say_percent(percent, rep_percent(hits, of));
    say_painted(s->cli, SAY_BOLD, "%-10s %8s", name, percent);
    (void)printf("  [%.3f, %.3f] at 95 %%\n", i.low, i.high);
}

static void print_pairs(const struct stats *s, size_t most)
{
    char truth[NAME_MAX_BYTES], predicted[NAME_MAX_BYTES];
    if (!s->sum.pair_count)
        return;
    say_painted(s->cli, SAY_BOLD, "%6s %6s  %-24s %s\n", "count", "of", "truth",
                "predicted");
    for (size_t i = 0; i < s->sum.pair_count && i < most; i++) {
        const struct rep_pair *p = &s->sum.pairs[i];
        (void)printf("%6zu %6zu  %-24s %s\n", p->count, p->truth_total,
                     name_of(s, p->truth, truth), name_of(s, p->predicted, predicted));
    }
}

static void print_classes(const struct stats *s)
{
    char name[NAME_MAX_BYTES], wrong[NAME_MAX_BYTES];
    say_painted(s->cli, SAY_BOLD, "%5s  %-24s %7s %9s %9s %9s  %s\n", "index", "class",
                "support", "precision", "recall", "F1", "confused with");
    for (int i = 0; i < s->run.run.classes; i++) {
        const struct rep_class *c = &s->sum.classes[i];
        char precision[16], recall[16], f1[16];
        if (!class_wanted(s, i))
            continue;
        say_percent(precision, c->precision * 100);
        say_percent(recall, c->recall * 100);
        say_percent(f1, c->f1 * 100);
        (void)printf("%5d  %-24s %7zu %9s %9s %9s", i, name_of(s, i, name), c->support,
                     precision, recall, f1);
        if (c->confused_with >= 0)
            (void)printf("  %s (%zu)", name_of(s, c->confused_with, wrong),
                         c->confused_count);
        (void)putchar('\n');
    }
}

static void print_bins(const struct stats *s)
{
    say_painted(s->cli, SAY_BOLD, "%-15s %7s %11s %9s\n", "confidence", "count", "mean",
                "accuracy");
    for (int i = 0; i < REP_BINS; i++) {
        const struct rep_bin *b = &s->sum.bins[i];
        char mean[16], accuracy[16];
        say_percent(mean, b->mean_confidence * 100);
        say_percent(accuracy, b->accuracy * 100);
        (void)printf("%6.3f - %6.3f %7zu %11s %9s\n", b->low, b->high, b->count, mean,
                     accuracy);
    }
}

static void print_summary(const struct stats *s)
{
    const struct rep_tally *t = &s->sum.tally;
    (void)printf("%-10s %" PRId64 ", %s (%s)\n", "run", s->run.run.id, s->run.run.name,
                 database_run_state(&s->run.run));
    (void)printf("%-10s %8zu\n%-10s %8zu\n%-10s %8zu\n%-10s %8zu\n", "pictures",
                 t->images, "predicted", t->done, "failed", t->failed, "labelled",
                 t->labelled);
    print_accuracy(s, "top-1", t->top1);
    print_accuracy(s, "top-5", t->top5);
    if (isfinite(s->sum.ece))
        (void)printf("%-10s %8.4f\n", "ECE", s->sum.ece);
    view_print(&s->args->view, &s->view);
    print_pairs(s, PAIRS_SHOWN);
}

static void print_tables(const struct stats *s)
{
    switch ((enum by)s->args->by) {
    case BY_ALL:
        print_summary(s);
        break;
    case BY_CLASS:
        print_classes(s);
        break;
    case BY_PAIR:
        print_pairs(s, s->sum.pair_count);
        break;
    case BY_BIN:
        print_bins(s);
        break;
    }
}

static enum err_code run_stats(struct cli *cli, void *fields, struct err *e)
{
    enum err_code rc;
    struct stats s = {.cli = cli, .args = fields};
    TRY(database_run_find(s.args->db, s.args->run, s.args->label, &s.run, e));
    TRY(gather(&s, e));
    if (cli->json)
        rc = print_document(&s, e);
    else
        print_tables(&s);
out:
    rep_summary_release(&s.sum);
    view_release(&s.view);
    database_run_release(&s.run);
    return rc;
}

const struct cmd cmd_stats = {
    .name = "stats",
    .operands = "",
    .about = "Accuracy with its 95 % interval (Wilson), the most confused pairs, "
             "precision, recall and F1 of the classes, and calibration (15 bins, ECE).",
    .opts = stats_opts,
    .size = sizeof(struct stats_args),
    .run = run_stats,
};

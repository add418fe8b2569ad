#include "cli/cmd.h"
#include "cli/diff/pairs.h"
#include "cli/out/json.h"
#include "cli/out/say.h"

#include "report/report.h"

#include "base/file.h"
#include "base/mem.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES_SHOWN = 10, NAME_BYTES = 24 };
// In the order of the choices of --only.
enum only { ONLY_DISAGREE, ONLY_A_RIGHT, ONLY_B_RIGHT, ONLY_BOTH_WRONG, ONLY_ALL };

struct diff_args {
    const char *db, *a, *b, *label, *filter, *out;
    int only, format, limit;
    bool force;
};

static const struct opt diff_opts[] = {
    DATABASE_OPT(offsetof(struct diff_args, db)),
    {.letter = 'a',
     .name = "run-a",
     .value = "RUN",
     .help = "id or name of the one run",
     .kind = OPT_TEXT,
     .offset = offsetof(struct diff_args, a),
     .required = true},
    {.letter = 'b',
     .name = "run-b",
     .value = "RUN",
     .help = "id or name of the other",
     .kind = OPT_TEXT,
     .offset = offsetof(struct diff_args, b),
     .required = true},
    {.name = "label",
     .value = "FILE",
     .help = "class names; default: those that the runs were made with",
     .kind = OPT_TEXT,
     .offset = offsetof(struct diff_args, label)},
    {.name = "filter",
     .value = "EXPR",
     .help = "compare only pictures that it lets through, by what run A says of them",
     .kind = OPT_TEXT,
     .offset = offsetof(struct diff_args, filter)},
    {.name = "only",
     .value = "WHICH",
     .help = "pictures to list; default disagree: another best class",
     .kind = OPT_CHOICE,
     .choices = "disagree a-right b-right both-wrong all",
     .offset = offsetof(struct diff_args, only)},
    {.name = "limit",
     .value = "N",
     .help = "pictures listed at most, 0 for all; default 20",
     .kind = OPT_INT,
     .min = 0,
     .max = 1e9,
     .offset = offsetof(struct diff_args, limit)},
    {.letter = 'o',
     .name = "output",
     .value = "OUT",
     .help = "write all of the list into this file, too; - for stdout and nothing else",
     .kind = OPT_TEXT,
     .offset = offsetof(struct diff_args, out)},
    {.name = "format",
     .value = "FORMAT",
     .help = "of OUT; a datalist can be opened as a dataset",
     .kind = OPT_CHOICE,
     .choices = "csv datalist",
     .offset = offsetof(struct diff_args, format)},
    {.name = "force",
     .help = "overwrite OUT",
     .kind = OPT_FLAG,
     .offset = offsetof(struct diff_args, force)},
    {0},
};
static const struct diff_args diff_defaults = {.filter = "", .limit = 20};

// How often the runs are right about a class.
struct change {
    int index;
    size_t support, a, b;
};

struct diff {
    const struct cli *cli;
    const struct diff_args *args;
    struct pairs pairs;
    struct rep_diff counts;
    struct rep_mcnemar mcnemar;
    struct change *changes; // most changed first
    size_t change_count;
    struct rep_pictures *list;
    size_t list_count;
};

// ---- gathering ----

static bool listed(const struct diff *d, const struct rep_pictures *p)
{
    bool both = row_done(p->a) && row_done(p->b);
    bool scored = both && p->a->label >= 0;
    switch ((enum only)d->args->only) {
    case ONLY_DISAGREE:
        return both && p->a->top[0] != p->b->top[0];
    case ONLY_A_RIGHT:
        return scored && row_correct(p->a) && !row_correct(p->b);
    case ONLY_B_RIGHT:
        return scored && row_correct(p->b) && !row_correct(p->a);
    case ONLY_BOTH_WRONG:
        return scored && !row_correct(p->a) && !row_correct(p->b);
    case ONLY_ALL:
        break;
    }
    return both;
}

static size_t gap(const struct change *c)
{
    return c->a > c->b ? c->a - c->b : c->b - c->a;
}

static int most_changed(const void *a, const void *b)
{
    const struct change *x = a, *y = b;
    if (gap(x) != gap(y))
        return gap(x) < gap(y) ? 1 : -1;
    return x->index - y->index;
}

static void count_class(struct diff *d, const struct rep_pictures *p)
{
    int label = p->a->label;
    if (!row_scored(p->a) || !row_scored(p->b) || label >= d->pairs.a.run.classes)
        return;
    struct change *c = &d->changes[label];
    c->support++;
    c->a += row_correct(p->a);
    c->b += row_correct(p->b);
}

static void keep_changed(struct diff *d)
{
    for (int i = 0; i < d->pairs.a.run.classes; i++)
        if (gap(&d->changes[i]) > 0)
            d->changes[d->change_count++] = d->changes[i];
    if (d->change_count)
        qsort(d->changes, d->change_count, sizeof *d->changes, most_changed);
}

static enum err_code gather(struct diff *d, struct err *e)
{
    enum err_code rc;
    const struct pairs *p = &d->pairs;
    struct rep_filter *filter = NULL;
    int classes = p->a.run.classes;
    TRY(rep_filter_parse(d->args->filter, p->a.labels, &filter, e));
    d->changes = mem_array((size_t)classes, sizeof *d->changes);
    d->list = mem_array(p->count, sizeof *d->list);
    if (!d->changes || !d->list) {
        rc = err_set(e, ERR_NOMEM, "no memory for %zu pictures", p->count);
        goto out;
    }
    for (int i = 0; i < classes; i++)
        d->changes[i].index = i;
    for (size_t i = 0; i < p->count; i++) {
        if (!rep_filter_match(filter, p->all[i].a, false))
            continue;
        rep_diff_add(&d->counts, p->all[i].a, p->all[i].b);
        count_class(d, &p->all[i]);
        if (listed(d, &p->all[i]))
            d->list[d->list_count++] = p->all[i];
    }
    d->mcnemar = rep_mcnemar(d->counts.right[1][0], d->counts.right[0][1]);
    keep_changed(d);
out:
    rep_filter_free(filter);
    return rc;
}

static size_t top1_of(const struct diff *d, bool of_a)
{
    const struct rep_diff *c = &d->counts;
    return c->right[1][1] + (of_a ? c->right[1][0] : c->right[0][1]);
}

static size_t shown(const struct diff *d)
{
    size_t limit = (size_t)d->args->limit;
    return limit && limit < d->list_count ? limit : d->list_count;
}

// ---- JSON ----

static void add_accuracy(cJSON *object, const char *name, size_t hits, size_t of)
{
    char key[32];
    struct rep_interval i = rep_wilson(hits, of);
    json_number(object, name, rep_percent(hits, of));
    (void)snprintf(key, sizeof key, "%s_low", name);
    json_number(object, key, i.low);
    (void)snprintf(key, sizeof key, "%s_high", name);
    json_number(object, key, i.high);
}

static void add_run(cJSON *document, const char *key, const struct diff *d, bool of_a)
{
    const struct cache_run *run = of_a ? &d->pairs.a.run : &d->pairs.b.run;
    size_t n = d->counts.labelled;
    cJSON *object = cJSON_AddObjectToObject(document, key);
    json_number(object, "run", (double)run->id);
    json_text(object, "name", run->name);
    json_text(object, "dataset", run->dataset);
    add_accuracy(object, "top1", top1_of(d, of_a), n);
    add_accuracy(object, "top5", of_a ? d->counts.top5_a : d->counts.top5_b, n);
}

static void add_best(cJSON *picture, const char *key, const struct row *row,
                     const struct labels *labels)
{
    cJSON *object = cJSON_AddObjectToObject(picture, key);
    json_number(object, "index", row->top[0]);
    json_text(object, "label", labels_words(labels, row->top[0]));
    json_float(object, "prob", row->prob[0]);
}

static cJSON *picture_object(const struct diff *d, const struct rep_pictures *p)
{
    const struct labels *labels = d->pairs.a.labels;
    cJSON *object = cJSON_CreateObject();
    bool known = p->a->label >= 0;
    json_text(object, "file", p->a->file);
    json_number(object, "label", known ? p->a->label : (double)NAN);
    json_text(object, "label_name", known ? labels_words(labels, p->a->label) : NULL);
    add_best(object, "a", p->a, labels);
    add_best(object, "b", p->b, labels);
    return object;
}

static cJSON *change_object(const struct diff *d, const struct change *c)
{
    cJSON *object = cJSON_CreateObject();
    json_number(object, "index", c->index);
    json_text(object, "label", labels_words(d->pairs.a.labels, c->index));
    json_number(object, "support", (double)c->support);
    json_number(object, "a_correct", (double)c->a);
    json_number(object, "b_correct", (double)c->b);
    return object;
}

static enum err_code print_document(const struct diff *d, struct err *e)
{
    const struct rep_diff *c = &d->counts;
    cJSON *document = cJSON_CreateObject();
    add_run(document, "a", d, true);
    add_run(document, "b", d, false);
    json_number(document, "shared", (double)c->shared);
    json_number(document, "only_a", (double)d->pairs.only_a);
    json_number(document, "only_b", (double)d->pairs.only_b);
    json_number(document, "label_conflicts", (double)d->pairs.conflicts);
    json_number(document, "agree", (double)c->agree);
    json_number(document, "agreement", rep_percent(c->agree, c->shared));
    json_number(document, "labelled", (double)c->labelled);
    cJSON *table = cJSON_AddObjectToObject(document, "table");
    json_number(table, "both_right", (double)c->right[1][1]);
    json_number(table, "a_right", (double)c->right[1][0]);
    json_number(table, "b_right", (double)c->right[0][1]);
    json_number(table, "both_wrong", (double)c->right[0][0]);
    cJSON *test = cJSON_AddObjectToObject(document, "mcnemar");
    json_text(test, "method", d->mcnemar.exact ? "exact" : "chi2");
    json_number(test, "statistic", d->mcnemar.statistic);
    json_number(test, "p", d->mcnemar.p);
    cJSON *list = cJSON_AddArrayToObject(document, "classes");
    for (size_t i = 0; i < d->change_count; i++)
        cJSON_AddItemToArray(list, change_object(d, &d->changes[i]));
    json_number(document, "listed", (double)d->list_count);
    list = cJSON_AddArrayToObject(document, "pictures");
    for (size_t i = 0; i < shown(d); i++)
        cJSON_AddItemToArray(list, picture_object(d, &d->list[i]));
    return json_print(document, e);
}

// ---- tables ----

static void print_accuracy(const struct diff *d, const char *name, size_t hits)
{
    char percent[16];
    size_t n = d->counts.labelled;
    struct rep_interval i = rep_wilson(hits, n);
    say_percent(percent, rep_percent(hits, n));
    say_painted(d->cli, SAY_BOLD, "%-10s %8s", name, percent);
    (void)printf("  [%.3f, %.3f] at 95 %%\n", i.low, i.high);
}

static void print_table(const struct diff *d)
{
    const struct rep_diff *c = &d->counts;
    say_painted(d->cli, SAY_BOLD, "%-10s %8s %8s\n", "", "b right", "b wrong");
    (void)printf("%-10s %8zu %8zu\n%-10s %8zu %8zu\n", "a right", c->right[1][1],
                 c->right[1][0], "a wrong", c->right[0][1], c->right[0][0]);
    print_accuracy(d, "top-1 a", top1_of(d, true));
    print_accuracy(d, "top-1 b", top1_of(d, false));
    print_accuracy(d, "top-5 a", c->top5_a);
    print_accuracy(d, "top-5 b", c->top5_b);
    if (d->mcnemar.exact)
        (void)printf("%-10s p = %.4g, exact binomial test\n", "McNemar", d->mcnemar.p);
    else
        (void)printf("%-10s p = %.4g, chi-square %.4f with continuity correction\n",
                     "McNemar", d->mcnemar.p, d->mcnemar.statistic);
}

static void print_changes(const struct diff *d)
{
    char name[NAME_BYTES];
    if (!d->change_count)
        return;
    say_painted(d->cli, SAY_BOLD, "%5s  %-24s %7s %7s %7s\n", "index", "class", "support",
                "a right", "b right");
    for (size_t i = 0; i < d->change_count && i < CLASSES_SHOWN; i++) {
        const struct change *c = &d->changes[i];
        (void)printf("%5d  %-24s %7zu %7zu %7zu\n", c->index,
                     labels_short(d->pairs.a.labels, c->index, name, NAME_BYTES),
                     c->support, c->a, c->b);
    }
}

static void print_list(const struct diff *d)
{
    const struct labels *labels = d->pairs.a.labels;
    char truth[NAME_BYTES], a[NAME_BYTES], b[NAME_BYTES];
    if (shown(d))
        say_painted(d->cli, SAY_BOLD, "%-16s  %-24s %-24s  %s\n", "label", "a", "b",
                    "file");
    for (size_t i = 0; i < shown(d); i++) {
        const struct rep_pictures *p = &d->list[i];
        (void)printf(
            "%-16.16s  %5.3f %-18.18s %5.3f %-18.18s  %s\n",
            p->a->label >= 0 ? labels_short(labels, p->a->label, truth, NAME_BYTES) : "-",
            (double)p->a->prob[0], labels_short(labels, p->a->top[0], a, NAME_BYTES),
            (double)p->b->prob[0], labels_short(labels, p->b->top[0], b, NAME_BYTES),
            p->a->file);
    }
    if (shown(d) < d->list_count)
        (void)printf("%zu of %zu pictures; --limit 0 lists all, -o writes them\n",
                     shown(d), d->list_count);
}

static void print_summary(const struct diff *d)
{
    const struct pairs *p = &d->pairs;
    char percent[16];
    (void)printf("%-10s %" PRId64 ", %s\n%-10s %" PRId64 ", %s\n", "run a", p->a.run.id,
                 p->a.run.name, "run b", p->b.run.id, p->b.run.name);
    (void)printf("%-10s %8zu, only in a %zu, only in b %zu\n", "pictures",
                 d->counts.shared, p->only_a, p->only_b);
    say_percent(percent, rep_percent(d->counts.agree, d->counts.shared));
    (void)printf("%-10s %8s (%zu)\n", "agreement", percent, d->counts.agree);
    if (d->counts.labelled)
        print_table(d);
    print_changes(d);
    print_list(d);
}

static enum err_code write_list(const struct diff *d, struct err *e)
{
    const struct diff_args *args = d->args;
    struct file_out out = {0};
    bool to_stdout = strcmp(args->out, "-") == 0;
    enum err_code rc =
        to_stdout ? ERR_OK : file_out_open(&out, args->out, args->force, e);
    if (rc != ERR_OK)
        return rc;
    char *root = database_root(d->pairs.a.run.dataset);
    rc = rep_diff_write(d->list, d->list_count, d->pairs.a.labels, root,
                        (enum rep_diff_format)args->format,
                        to_stdout ? stdout : out.stream, e);
    free(root);
    if (rc == ERR_OK && !to_stdout)
        return file_out_commit(&out, e);
    file_out_discard(&out);
    return rc;
}

static enum err_code run_diff(struct cli *cli, void *fields, struct err *e)
{
    enum err_code rc;
    struct diff d = {.cli = cli, .args = fields};
    bool to_stdout = d.args->out && strcmp(d.args->out, "-") == 0;
    if (to_stdout && cli->json)
        return err_set(e, ERR_USAGE, "diff: -o -: stdout holds the document of --json");
    TRY(pairs_open(d.args->db, d.args->a, d.args->b, d.args->label, &d.pairs, e));
    TRY(gather(&d, e));
    if (d.args->out)
        TRY(write_list(&d, e));
    if (d.pairs.conflicts)
        say_note(cli, "%zu labels of run %s are not those of run %s, which count",
                 d.pairs.conflicts, d.pairs.b.run.name, d.pairs.a.run.name);
    if (cli->json)
        rc = print_document(&d, e);
    else if (!to_stdout)
        print_summary(&d);
out:
    free(d.changes);
    free(d.list);
    pairs_close(&d.pairs);
    return rc;
}

const struct cmd cmd_diff = {
    .name = "diff",
    .operands = "",
    .about =
        "Where two runs disagree: how often only one is right and whether that can be "
        "chance (McNemar), accuracy of both on the pictures that both have, the "
        "classes that changed most, and the pictures.",
    .opts = diff_opts,
    .size = sizeof(struct diff_args),
    .defaults = &diff_defaults,
    .run = run_diff,
};

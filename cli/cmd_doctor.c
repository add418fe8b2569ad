#include "cli/cmd.h"
#include "cli/doctor/doctor.h"
#include "cli/open/dataset.h"
#include "cli/open/model.h"
#include "cli/out/interrupt.h"
#include "cli/out/say.h"

#include "tui/probe.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

struct doctor_args {
    struct model_args model;
    const char *val_label, *axes;
    int label_order; // place in "wnid ilsvrc"
    int images;
    bool terminal;
};

static const struct opt doctor_opts[] = {
    MODEL_OPTS(offsetof(struct doctor_args, model), false),
    VAL_LABEL_OPT(offsetof(struct doctor_args, val_label)),
    LABEL_ORDER_OPT(offsetof(struct doctor_args, label_order)),
    {.letter = 'n',
     .name = "images",
     .value = "N",
     .help = "labelled pictures to try everything on; default 200",
     .kind = OPT_INT,
     .min = 1,
     .max = 10000,
     .offset = offsetof(struct doctor_args, images)},
    {.name = "axes",
     .value = "AXES",
     .help =
         "try these alone, with commas: labels, which cost nothing, values, channels, "
         "resize, filter; default all",
     .kind = OPT_TEXT,
     .offset = offsetof(struct doctor_args, axes)},
    {.name = "terminal",
     .help = "what the terminal can show; needs no model and no dataset",
     .kind = OPT_FLAG,
     .offset = offsetof(struct doctor_args, terminal)},
    {0},
};
static const struct doctor_args doctor_defaults = {.images = 200};

// The classes that labels are read by, and one more, so that numbers that count from 1
// can be read and found out.
static struct labels *one_class_more(const struct labels *labels)
{
    size_t n = (size_t)labels_count(labels);
    const char **names = mem_new((n + 1) * sizeof *names);
    const char **wnids = mem_new((n + 1) * sizeof *wnids);
    for (size_t i = 0; i < n; i++) {
        names[i] = labels_words(labels, (int)i);
        wnids[i] = labels_wnid(labels, (int)i);
    }
    struct labels *more = labels_new(names, wnids, (int)n + 1);
    free(names);
    free(wnids);
    return more;
}

// Numbers are read as they are, whatever they count: the search says which.
static enum err_code open_dataset(const struct cli *cli, const struct doctor_args *args,
                                  const struct pipe_setup *setup, struct ds **out,
                                  struct err *e)
{
    struct ds_opts opts = {
        .labels = args->model.label || setup->background ? setup->labels : NULL,
        .val_label = args->val_label};
    enum err_code rc = ds_open(cli->operands[0], &opts, out, e);
    if (rc != ERR_FORMAT)
        return rc;
    struct labels *more = one_class_more(opts.labels ? opts.labels : labels_imagenet());
    opts.labels = more;
    if (ds_open(cli->operands[0], &opts, out, NULL) == ERR_OK) {
        say_note(cli, "%s", e->msg);
        *e = (struct err){0};
        rc = ERR_OK;
    }
    labels_close(more);
    return rc;
}

static enum err_code need_model_and_dataset(const struct cli *cli,
                                            const struct doctor_args *args, struct err *e)
{
    if (args->model.model && cli->operand_count > 0)
        return ERR_OK;
    return err_set(e, ERR_USAGE,
                   "doctor: no %s, expected -m MODEL and DATASET, or --terminal",
                   args->model.model ? "DATASET" : "-m");
}

static enum err_code report(struct cli *cli, struct doctor *doctor, struct err *e)
{
    enum err_code rc = ERR_OK;
    if (cli->json)
        rc = json_print(doctor_document(doctor), e);
    else
        doctor_print(doctor);
    if (rc == ERR_OK && doctor->failed)
        rc = err_set(e, ERR_FAILED, "%s: %zu of %zu pictures could not be read",
                     ds_root(doctor->ds), doctor->failed,
                     doctor->failed + doctor->sample.count);
    return rc;
}

static enum err_code examine(struct cli *cli, const struct doctor_args *args,
                             struct err *e)
{
    enum err_code rc;
    struct pipe_setup setup = {0};
    struct ds *ds = NULL;
    struct doctor doctor = {.cli = cli, .setup = &setup};
    TRY(need_model_and_dataset(cli, args, e));
    TRY(doctor_choose_axes(&doctor, args->axes, e));
    (void)interrupt_watch();
    TRY(model_setup_open(cli, &args->model, &setup, e));
    TRY(open_dataset(cli, args, &setup, &ds, e));
    doctor.ds = ds;
    const bool flat = ds_shape(ds) == DS_FLAT_VAL;
    const bool behind = setup.background && flat;
    const int classes = eng_model_info(setup.model)->classes;
    doctor.order_now = args->label_order == 1 && flat ? DOCTOR_ILSVRC : DOCTOR_PLAIN;
    TRY(doctor_sample_open(ds, (size_t)args->images, classes, behind, &doctor.sample, e));
    TRY(doctor_search(&doctor, e));
    rc = report(cli, &doctor, e);
out:
    doctor_release(&doctor);
    ds_close(ds);
    pipe_setup_release(&setup);
    return rc;
}

// ---- the terminal ----

static const char *yes_no(bool yes)
{
    return yes ? "yes" : "no";
}

static void print_terminal(const struct tui_probe *t)
{
    (void)printf("%-12s %s%s\n", "TERM", t->term[0] ? t->term : "not set",
                 t->known ? "" : ", unknown to terminfo");
    if (t->version[0])
        (void)printf("%-12s %s\n", "program", t->version);
    if (!t->is_terminal) {
        (void)printf("%-12s stdout is no terminal: nothing was asked of one\n",
                     "terminal");
    } else {
        (void)printf("%-12s %d x %d cells", "size", t->across, t->down);
        if (t->width > 0 && t->height > 0)
            (void)printf(", %d x %d pixels", t->width, t->height);
        (void)printf("\n%-12s %s\n", "answers",
                     t->answered ? "yes"
                     : t->asked  ? "no: graphics cannot be told"
                                 : "not asked");
    }
    (void)printf("%-12s %d%s\n", "colours", t->colors, t->true_color ? ", 24 bit" : "");
    (void)printf("%-12s %s (%s)\n", "unicode", yes_no(t->utf8), t->charset);
    (void)printf("%-12s kitty %s, sixel %s, iTerm2 %s\n", "graphics", yes_no(t->kitty),
                 yes_no(t->sixel), yes_no(t->iterm2));
    (void)printf("%-12s %s\n", "within",
                 t->tmux     ? "tmux: graphics need \"set -g allow-passthrough on\" in it"
                 : t->screen ? "screen: no graphics pass through it"
                 : t->ssh    ? "ssh"
                             : "nothing");
    (void)printf("%-12s %s\n", "explorer", t->refusal[0] ? t->refusal : "works here");
}

static enum err_code terminal_document(const struct tui_probe *t, struct err *e)
{
    cJSON *document = cJSON_CreateObject();
    cJSON_AddBoolToObject(document, "terminal", t->is_terminal);
    json_text(document, "term", t->term);
    json_text(document, "program", t->version[0] ? t->version : NULL);
    json_number(document, "columns", t->across);
    json_number(document, "rows", t->down);
    json_number(document, "width", t->width);
    json_number(document, "height", t->height);
    json_number(document, "colors", t->colors);
    cJSON_AddBoolToObject(document, "true_color", t->true_color);
    cJSON_AddBoolToObject(document, "unicode", t->utf8);
    json_text(document, "charset", t->charset);
    cJSON_AddBoolToObject(document, "answers", t->answered);
    cJSON_AddBoolToObject(document, "kitty", t->kitty);
    cJSON_AddBoolToObject(document, "sixel", t->sixel);
    cJSON_AddBoolToObject(document, "iterm2", t->iterm2);
    cJSON_AddBoolToObject(document, "tmux", t->tmux);
    cJSON_AddBoolToObject(document, "screen", t->screen);
    cJSON_AddBoolToObject(document, "ssh", t->ssh);
    json_text(document, "explorer", t->refusal[0] ? t->refusal : NULL);
    return json_print(document, e);
}

static enum err_code run_doctor(struct cli *cli, void *fields, struct err *e)
{
    const struct doctor_args *args = fields;
    struct tui_probe terminal;
    if (!args->terminal)
        return examine(cli, args, e);
    if (args->model.model || cli->operand_count)
        return err_set(e, ERR_USAGE,
                       "doctor: --terminal is about the terminal alone, expected no %s",
                       args->model.model ? "-m" : "DATASET");
    tui_probe(&terminal);
    if (cli->json)
        return terminal_document(&terminal, e);
    print_terminal(&terminal);
    return ERR_OK;
}

const struct cmd cmd_doctor = {
    .name = "doctor",
    .operands = "-m MODEL DATASET | --terminal",
    .max_operands = 1,
    .about = "Tries on some labelled pictures which order of labels, values, channels, "
             "resize and filter fit the model best, one after the other, and says which "
             "options to use and what was done wrong. What chance alone could explain "
             "is left as it is, and said.",
    .opts = doctor_opts,
    .size = sizeof(struct doctor_args),
    .defaults = &doctor_defaults,
    .run = run_doctor,
};

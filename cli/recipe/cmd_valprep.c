#include "cli/cmd.h"
#include "cli/out/bar.h"
#include "cli/out/interrupt.h"
#include "cli/out/json.h"
#include "cli/out/say.h"

#include "pipeline/valprep.h"

#include <stdio.h>

enum { MISFITS_SHOWN = 10 };

struct valprep_args {
    const char *val_label, *target;
    int label_order, link; // places in their choices
    bool reverse;
};

static const struct opt valprep_opts[] = {
    {.name = "val_label",
     .value = "FILE",
     .help = "the labels: lines FILE INDEX or INDEX",
     .kind = OPT_TEXT,
     .offset = offsetof(struct valprep_args, val_label),
     .required = true},
    {.name = "label-order",
     .value = "ORDER",
     .help = "what the numbers in val_label.txt count: 0-based in the order of WordNet "
             "ids, or the devkit's 1-based ids; default wnid",
     .kind = OPT_CHOICE,
     .choices = "wnid ilsvrc",
     .offset = offsetof(struct valprep_args, label_order)},
    {.name = "link",
     .value = "KIND",
     .help = "how a picture comes to its new name: a second name of the same file, a "
             "symbolic link, or only the new name; default hard",
     .kind = OPT_CHOICE,
     .choices = "hard symbolic move",
     .offset = offsetof(struct valprep_args, link)},
    {.name = "target_path",
     .value = "T",
     .help = "folder for the new names; default: VAL_DIR itself",
     .kind = OPT_TEXT,
     .offset = offsetof(struct valprep_args, target)},
    {.name = "reverse",
     .help = "from class folders to a flat folder",
     .kind = OPT_FLAG,
     .offset = offsetof(struct valprep_args, reverse)},
    {0},
};

static const struct {
    const char *key, *text;
} misfit_kinds[VALPREP_MISFITS] = {
    [VALPREP_NO_PICTURE] = {"no_picture", "has a label, but there is no such picture"},
    [VALPREP_NO_LABEL] = {"no_label", "has no label"},
    [VALPREP_OTHER_FILE] = {"other_file", "is another file of the same name"},
    [VALPREP_MISPLACED] = {"misplaced", "lies in the folder of another class"},
};

struct preparing {
    const struct cli *cli;
    cJSON *misfits; // NULL without --json
    size_t told[VALPREP_MISFITS];
};

static void tell_misfit(void *ctx, enum valprep_misfit kind, const char *name)
{
    struct preparing *p = ctx;
    if (p->misfits) {
        cJSON *item = cJSON_CreateObject();
        json_text(item, "file", name);
        json_text(item, "kind", misfit_kinds[kind].key);
        cJSON_AddItemToArray(p->misfits, item);
    }
    if (p->told[kind]++ < MISFITS_SHOWN)
        say_note(p->cli, "%s: %s", name, misfit_kinds[kind].text);
}

static enum err_code print_document(struct preparing *p, const struct valprep_result *r,
                                    struct err *e)
{
    cJSON *document = cJSON_CreateObject();
    json_number(document, "placed", (double)r->placed);
    json_number(document, "kept", (double)r->kept);
    for (int i = 0; i < VALPREP_MISFITS; i++)
        json_number(document, misfit_kinds[i].key, (double)r->misfits[i]);
    cJSON_AddItemToObject(document, "misfits", p->misfits);
    p->misfits = NULL;
    return json_print(document, e);
}

static void print_counts(const struct preparing *p, const struct valprep_result *r)
{
    (void)printf("%zu placed, %zu there already\n", r->placed, r->kept);
    for (int i = 0; i < VALPREP_MISFITS; i++)
        if (r->misfits[i])
            say_painted(p->cli, SAY_BAD, "%zu: %s\n", r->misfits[i],
                        misfit_kinds[i].text);
}

static enum err_code run_valprep(struct cli *cli, void *fields, struct err *e)
{
    enum err_code rc;
    const struct valprep_args *args = fields;
    struct preparing p = {.cli = cli, .misfits = cli->json ? cJSON_CreateArray() : NULL};
    struct valprep_result result;
    struct bar bar;
    const struct valprep spec = {
        .folder = cli->operands[0],
        .target = args->target,
        .val_label = args->val_label,
        .ilsvrc_order = args->label_order == 1,
        .link = (enum valprep_link)args->link,
        .reverse = args->reverse,
        .cancel = interrupt_watch(),
        .progress = {bar_tell, &bar},
    };
    bar_open(&bar, cli);
    rc = pipe_valprep(&spec, tell_misfit, &p, &result, e);
    bar_close(&bar);
    TRY(rc);
    if (cli->json)
        TRY(print_document(&p, &result, e));
    else
        print_counts(&p, &result);
    for (int i = 0; i < VALPREP_MISFITS; i++)
        if (result.misfits[i])
            rc = ERR_FAILED;
out:
    cJSON_Delete(p.misfits);
    return rc;
}

const struct cmd cmd_valprep = {
    .name = "valprep",
    .operands = "VAL_DIR",
    .min_operands = 1,
    .max_operands = 1,
    .about = "Gives the pictures of a flat validation folder names in class folders, "
             "VAL_DIR/WNID/FILE, as training scripts want them, or back. No picture is "
             "removed, overwritten or copied; started again, it goes on where it was "
             "stopped. What does not fit is left alone, told, and makes the exit status "
             "1.",
    .opts = valprep_opts,
    .size = sizeof(struct valprep_args),
    .run = run_valprep,
};

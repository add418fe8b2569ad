#include "cli/doctor/doctor.h"

#include "cli/out/say.h"

#include <math.h>
#include <stdio.h>

static void print_p(double p)
{
    (void)printf(p < 0.0005 ? " %8.0e" : " %8.3f", p);
}

static void print_option(const struct doctor *d, const struct doctor_axis *axis, int i)
{
    const struct doctor_option *option = &axis->options[i];
    const struct doctor_figures *f = &option->figures;
    struct rep_interval range = rep_wilson(f->top1, f->images);
    char top1[16], top5[16], score[16] = "-", between[24];
    say_percent(top1, rep_percent(f->top1, f->images));
    say_percent(top5, rep_percent(f->top5, f->images));
    (void)snprintf(between, sizeof between, "[%.1f, %.1f]", range.low, range.high);
    if (!isnan(f->score))
        (void)snprintf(score, sizeof score, "%.3f", f->score);
    say_painted(d->cli, i == axis->best ? SAY_GOOD : SAY_PLAIN, "%c%c %-30s",
                i == 0 ? '*' : ' ',
                i == axis->best ? '>'
                : option->tied  ? '~'
                                : ' ',
                option->name);
    (void)printf(" %5zu %7s %-12s %7s %7s", f->images, top1, between, top5, score);
    if (i > 0) {
        (void)printf(" %+5zd %+5zd", (ssize_t)f->better, -(ssize_t)f->worse);
        print_p(f->p_top1);
        size_t moved = f->higher + f->lower;
        if (axis != &d->axes[DOCTOR_LABELS] && moved) {
            (void)printf(" %6.1f", rep_percent(f->higher, moved));
            print_p(f->p_score);
        }
    }
    (void)putchar('\n');
}

static void print_table(const struct doctor *d)
{
    say_painted(d->cli, SAY_BOLD, "%-33s %5s %7s %-12s %7s %7s %5s %5s %8s %6s %8s\n", "",
                "n", "top-1", "95 %", "top-5", "score", "right", "wrong", "p", "higher",
                "p");
    for (int id = 0; id < DOCTOR_AXES; id++) {
        const struct doctor_axis *axis = &d->axes[id];
        say_painted(d->cli, SAY_BOLD, "%s\n", doctor_axis_name((enum doctor_axis_id)id));
        for (int i = 0; i < axis->count; i++)
            print_option(d, axis, i);
    }
    (void)puts(
        "* set now; > fits best; ~ cannot be told from that. Against *: pictures "
        "that turn right and\nwrong, percent on which the right class stands higher, "
        "and how probable that is by chance (p).\nscore: how high it stands, in "
        "deviations of all classes. n is smaller where a trial was hopeless.");
}

static void print_tied(const struct doctor_axis *axis)
{
    const char *sep = " ";
    for (int i = 0; i < axis->count; i++)
        if (axis->options[i].tied) {
            (void)printf("%s%s", sep, axis->options[i].name);
            sep = "; ";
        }
}

static void print_verdict(const struct doctor *d, enum doctor_axis_id id)
{
    const struct doctor_axis *axis = &d->axes[id];
    const char *mistake = doctor_mistake(d, id);
    bool ties = false;
    for (int i = 0; i < axis->count; i++)
        ties |= axis->options[i].tied;
    (void)printf("%-10s ", doctor_axis_name(id));
    if (!doctor_tried(axis)) {
        (void)printf("%s; nothing else was tried\n", axis->options[0].name);
        return;
    }
    if (mistake)
        say_painted(d->cli, SAY_BAD, "%s, not %s: %s", axis->options[axis->best].name,
                    axis->options[0].name, mistake);
    else
        (void)printf("%s", axis->options[0].name);
    if (ties) {
        (void)printf("; %zu pictures do not tell it from",
                     axis->options[axis->best].figures.images);
        print_tied(axis);
    } else if (!mistake) {
        (void)printf(": all others are worse");
    }
    (void)putchar('\n');
}

static void print_advice(const struct doctor *d)
{
    struct str flags = {0};
    const char *remedy = doctor_remedy(d);
    if (!doctor_fits(d)) {
        say_painted(
            d->cli, SAY_BAD,
            "Nothing fits: the best is no better than guessing one of %d classes. "
            "Are these pictures, labels and this head of one kind?\n",
            eng_model_info(d->setup->model)->classes);
        return;
    }
    for (int id = 0; id < DOCTOR_AXES; id++)
        print_verdict(d, (enum doctor_axis_id)id);
    doctor_flags(d, &flags);
    if (doctor_changes(d))
        say_painted(d->cli, SAY_GOOD, "\nUse %s\n", str_get(&flags));
    else
        say_painted(d->cli, SAY_GOOD, "\nNothing to change: %s\n", str_get(&flags));
    if (remedy)
        say_painted(d->cli, SAY_GOOD, "and %s\n", remedy);
    str_release(&flags);
}

void doctor_print(const struct doctor *d)
{
    const struct doctor_sample *sample = &d->sample;
    (void)printf("%zu of %zu labelled pictures at random (seed %d), at most %zu of a "
                 "class, in %.1f s\n\n",
                 sample->count, sample->labelled, DOCTOR_SEED, sample->per_class,
                 d->seconds);
    print_table(d);
    (void)putchar('\n');
    print_advice(d);
}

static cJSON *option_object(const struct doctor *d, const struct doctor_axis *axis, int i)
{
    const struct doctor_option *option = &axis->options[i];
    const struct doctor_figures *f = &option->figures;
    struct rep_interval range = rep_wilson(f->top1, f->images);
    char text[DS_PREP_TEXT_MAX];
    cJSON *object = cJSON_CreateObject();
    ds_prep_text(&d->trials[option->trial].prep, text);
    json_text(object, "name", option->name);
    json_text(object, "preprocess", text);
    json_number(object, "images", (double)f->images);
    json_number(object, "top1", rep_percent(f->top1, f->images));
    json_number(object, "low", range.low);
    json_number(object, "high", range.high);
    json_number(object, "top5", rep_percent(f->top5, f->images));
    json_number(object, "score", f->score);
    json_number(object, "better", (double)f->better);
    json_number(object, "worse", (double)f->worse);
    json_number(object, "p", f->p_top1);
    json_number(object, "higher", (double)f->higher);
    json_number(object, "lower", (double)f->lower);
    json_number(object, "p_score", f->p_score);
    cJSON_AddBoolToObject(object, "tied", option->tied);
    return object;
}

static cJSON *axis_object(const struct doctor *d, enum doctor_axis_id id)
{
    const struct doctor_axis *axis = &d->axes[id];
    bool ties = false;
    cJSON *object = cJSON_CreateObject();
    for (int i = 0; i < axis->count; i++)
        ties |= axis->options[i].tied;
    json_text(object, "axis", doctor_axis_name(id));
    json_text(object, "verdict",
              axis->best            ? "change"
              : !doctor_tried(axis) ? "untried"
              : ties                ? "unsure"
                                    : "keep");
    json_text(object, "now", axis->options[0].name);
    json_text(object, "best", axis->options[axis->best].name);
    json_text(object, "mistake", doctor_mistake(d, id));
    cJSON *options = cJSON_AddArrayToObject(object, "options");
    for (int i = 0; i < axis->count; i++)
        cJSON_AddItemToArray(options, option_object(d, axis, i));
    return object;
}

cJSON *doctor_document(const struct doctor *d)
{
    char text[DS_PREP_TEXT_MAX];
    struct str flags = {0};
    cJSON *document = cJSON_CreateObject();
    json_text(document, "model", eng_model_info(d->setup->model)->path);
    json_text(document, "dataset", ds_root(d->ds));
    json_number(document, "images", (double)d->sample.count);
    json_number(document, "labelled", (double)d->sample.labelled);
    json_number(document, "failed", (double)d->failed);
    json_number(document, "per_class", (double)d->sample.per_class);
    json_number(document, "seed", DOCTOR_SEED);
    json_number(document, "seconds", d->seconds);
    cJSON_AddBoolToObject(document, "fits", doctor_fits(d));
    cJSON_AddBoolToObject(document, "change", doctor_fits(d) && doctor_changes(d));
    doctor_preprocess(d, text);
    json_text(document, "preprocess", text);
    doctor_flags(d, &flags);
    json_text(document, "flags", str_get(&flags));
    json_text(document, "remedy", doctor_remedy(d));
    cJSON *axes = cJSON_AddArrayToObject(document, "axes");
    for (int id = 0; id < DOCTOR_AXES; id++)
        cJSON_AddItemToArray(axes, axis_object(d, (enum doctor_axis_id)id));
    str_release(&flags);
    return document;
}

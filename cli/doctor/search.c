#include "cli/doctor/doctor.h"

#include "cli/out/say.h"

#include "base/clock.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Pictures at least, and part of the sample, before a hopeless trial is given up.
enum { FIRST_LOOK = 32, FIRST_PART = 4 };

// Errors of the first kind that are allowed: to a decision on an axis, and to giving a
// trial up.
static const double level = 0.05, level_hopeless = 0.001;

// Part of the score that must be gained where it alone decides. Sharper pictures lift it
// by about 1 % without turning one of them (bicubic against bilinear, 100 ImageNet
// pictures, 2026-11-24); wrong channels and foreign means cost 13 %.
static const double least_gain = 0.03;

const char *doctor_axis_name(enum doctor_axis_id id)
{
    static const char *const names[DOCTOR_AXES] = {"labels", "values", "channels",
                                                   "resize", "filter"};
    return names[id];
}

static int find_axis(const char *name, size_t len)
{
    int id = 0;
    for (; id < DOCTOR_AXES; id++) {
        const char *known = doctor_axis_name((enum doctor_axis_id)id);
        if (strlen(known) == len && memcmp(known, name, len) == 0)
            break;
    }
    return id;
}

enum err_code doctor_choose_axes(struct doctor *d, const char *list, struct err *e)
{
    for (int id = 0; id < DOCTOR_AXES; id++)
        d->skipped[id] = list != NULL;
    for (const char *at = list; at && *at; at += *at == ',') {
        size_t len = strcspn(at, ",");
        int id = find_axis(at, len);
        if (id == DOCTOR_AXES)
            return err_set(e, ERR_USAGE,
                           "--axes %.*s: expected some of labels, values, channels, "
                           "resize, filter, with commas",
                           (int)len, at);
        d->skipped[id] = false;
        at += len;
    }
    return ERR_OK;
}

bool doctor_tried(const struct doctor_axis *axis)
{
    return axis->count > 1;
}

// ---- what there is to try; every prep is spelled out ----

static void name_option(enum doctor_axis_id id, const struct ds_prep *prep,
                        char name[DOCTOR_NAME])
{
    static const char *const values[] = {[DS_CENTRED] = "centred, -1 to 1",
                                         [DS_IMAGENET] = "imagenet, mean and deviation",
                                         [DS_UNIT] = "unit, 0 to 1",
                                         [DS_BYTES] = "bytes, 0 to 255",
                                         [DS_CAFFE] = "caffe, 0 to 255 less the mean"};
    static const char *const filters[] = {[DS_NEAREST] = "nearest",
                                          [DS_BILINEAR] = "bilinear",
                                          [DS_BICUBIC] = "bicubic",
                                          [DS_BILINEAR_CV] = "opencv, no antialias"};
    if (id == DOCTOR_VALUES)
        (void)snprintf(name, DOCTOR_NAME, "%s", values[prep->values]);
    else if (id == DOCTOR_CHANNELS)
        (void)snprintf(name, DOCTOR_NAME, "%s", prep->bgr ? "bgr" : "rgb");
    else if (id == DOCTOR_FILTER)
        (void)snprintf(name, DOCTOR_NAME, "%s", filters[prep->filter]);
    else if (prep->shorter == DS_SQUASH)
        (void)snprintf(name, DOCTOR_NAME, "squash, no crop");
    else
        (void)snprintf(name, DOCTOR_NAME, "resize=%d", prep->shorter);
}

static void add_choice(struct ds_prep *all, int *count, const struct ds_prep *now,
                       const struct ds_prep *prep)
{
    bool same = prep->values == now->values && prep->bgr == now->bgr &&
                prep->shorter == now->shorter && prep->filter == now->filter;
    if (!same)
        all[(*count)++] = *prep;
}

// Squashed, and the shorter sides in use at 299: the size itself, 320 of PaddleClas, 333
// of timm and 342 of most others, which is 256 at 224.
static void choose_resize(struct ds_prep *all, int *count, const struct ds_prep *now)
{
    static const int at_299[] = {299, 320, 333, 342};
    int size = now->height > now->width ? now->height : now->width, last = 0;
    struct ds_prep prep = *now;
    prep.shorter = DS_SQUASH;
    add_choice(all, count, now, &prep);
    for (int i = 0; i < 4; i++, last = prep.shorter) {
        prep.shorter = (at_299[i] * size + 149) / 299;
        if (prep.shorter != last)
            add_choice(all, count, now, &prep);
    }
}

// What differs from `now` on one axis; how many.
static int choices(const struct doctor *d, enum doctor_axis_id id,
                   const struct ds_prep *now, struct ds_prep all[DOCTOR_OPTIONS])
{
    int count = 0;
    struct ds_prep prep = *now;
    if (d->skipped[id])
        return 0;
    switch (id) {
    case DOCTOR_VALUES:
        for (prep.values = DS_CENTRED; prep.values <= DS_CAFFE; prep.values++)
            add_choice(all, &count, now, &prep);
        break;
    case DOCTOR_CHANNELS:
        prep.bgr = !prep.bgr;
        add_choice(all, &count, now, &prep);
        break;
    case DOCTOR_RESIZE:
        choose_resize(all, &count, now);
        break;
    case DOCTOR_FILTER:
        for (prep.filter = DS_NEAREST; prep.filter <= DS_BILINEAR_CV; prep.filter++)
            add_choice(all, &count, now, &prep);
        break;
    case DOCTOR_LABELS:
    case DOCTOR_AXES:
    default:
        break;
    }
    return count;
}

// ---- decisions ----

// Whether what `a` says of an option against another is more than chance, one of
// `choices` such questions on the axis. Pictures that it gets right decide; where they
// cannot, whether the right class stands higher on most pictures, which far fewer of them
// can tell. Both are asked, so each has half of the level (Bonferroni).
static bool beats(const struct doctor_figures *a, const struct doctor_figures *other,
                  int choices, bool hits_only)
{
    double each = level / (2 * choices);
    if (a->better > a->worse && a->p_top1 < each)
        return true;
    if (hits_only)
        return false;
    bool contrary = a->worse > a->better && a->p_top1 < level;
    return !contrary && a->higher > a->lower && a->p_score < each &&
           a->score - other->score > least_gain * fabs(a->score);
}

static void compare(const struct doctor *d, const struct doctor_option *option,
                    const struct doctor_option *other, struct doctor_figures *out)
{
    doctor_compare(&d->sample, &d->trials[option->trial], option->order,
                   &d->trials[other->trial], other->order, out);
}

// The option that fits best among those that beat what is set now, and those that are not
// to be told from it. Orders of labels have different classes for the same answer, so it
// is only the hits that compare.
static void settle(const struct doctor *d, struct doctor_axis *axis, bool labels)
{
    struct doctor_option *options = axis->options;
    int others = axis->count - 1;
    for (int i = 0; i < axis->count; i++)
        compare(d, &options[i], &options[0], &options[i].figures);
    axis->best = 0;
    for (int i = 1; i < axis->count; i++) {
        const struct doctor_figures *a = &options[i].figures;
        const struct doctor_figures *best = &options[axis->best].figures;
        bool more =
            labels ? a->top1 > best->top1 : axis->best == 0 || a->score > best->score;
        if (more && beats(a, &options[0].figures, others, labels))
            axis->best = i;
    }
    struct doctor_option *best = &options[axis->best];
    for (int i = 0; i < axis->count; i++) {
        struct doctor_figures back;
        compare(d, best, &options[i], &back);
        options[i].tied =
            i != axis->best && !beats(&back, &options[i].figures, others, labels);
    }
}

static void add_option(struct doctor_axis *axis, const char *name,
                       enum doctor_order order, int trial)
{
    struct doctor_option *option = &axis->options[axis->count++];
    *option = (struct doctor_option){.order = order, .trial = trial};
    (void)snprintf(option->name, sizeof option->name, "%s", name);
}

// The orders of labels on one trial's answers.
static void settle_labels(const struct doctor *d, int trial, struct doctor_axis *axis)
{
    *axis = (struct doctor_axis){0};
    add_option(axis, doctor_order_info(d->order_now)->name, d->order_now, trial);
    for (int i = 0; i < DOCTOR_ORDERS; i++) {
        enum doctor_order order = (enum doctor_order)i;
        if (order != d->order_now && doctor_order_applies(&d->sample, order))
            add_option(axis, doctor_order_info(order)->name, order, trial);
    }
    settle(d, axis, true);
}

// The order that fits the answers so far, of whichever trial shows it.
static void choose_order(struct doctor *d)
{
    size_t most = 0;
    for (int t = 0; t < d->trial_count; t++) {
        struct doctor_axis axis;
        settle_labels(d, t, &axis);
        const struct doctor_option *best = &axis.options[axis.best];
        if (best->figures.top1 <= most)
            continue;
        most = best->figures.top1;
        d->order = best->order;
    }
}

// ---- trials ----

static enum err_code open_trial(struct doctor *d, const struct ds_prep *prep, int *number,
                                struct err *e)
{
    struct doctor_trial *trial = &d->trials[d->trial_count];
    *trial = (struct doctor_trial){.prep = *prep};
    trial->answers = mem_array(d->sample.count, sizeof *trial->answers);
    if (!trial->answers)
        return err_set(e, ERR_NOMEM, "no memory for the answers to %zu pictures",
                       d->sample.count);
    *number = d->trial_count++;
    return ERR_OK;
}

// Runs a trial; it ends early when the leader is better beyond doubt.
static enum err_code run_trial(struct doctor *d, const struct ds_prep *prep, int leader,
                               int *number, struct err *e)
{
    enum err_code rc = open_trial(d, prep, number, e);
    if (rc != ERR_OK)
        return rc;
    struct doctor_trial *trial = &d->trials[*number];
    struct doctor_figures figures;
    size_t all = d->sample.count, look = all / FIRST_PART;
    look = look > FIRST_LOOK ? look : FIRST_LOOK;
    if (look < all) {
        TRY(doctor_run(d, trial, 0, look, e));
        doctor_compare(&d->sample, trial, d->order, &d->trials[leader], d->order,
                       &figures);
        if (figures.worse > figures.better && figures.p_top1 < level_hopeless) {
            d->planned -= all - look;
            return ERR_OK;
        }
    }
    rc = doctor_run(d, trial, trial->count, all, e);
out:
    return rc;
}

static bool leads(const struct doctor *d, int trial, int leader)
{
    struct doctor_figures a, b;
    doctor_compare(&d->sample, &d->trials[trial], d->order, &d->trials[leader], d->order,
                   &a);
    doctor_compare(&d->sample, &d->trials[leader], d->order, &d->trials[leader], d->order,
                   &b);
    return a.images == b.images && a.top1 > b.top1;
}

static enum err_code search_axis(struct doctor *d, enum doctor_axis_id id, struct err *e)
{
    enum err_code rc = ERR_OK;
    struct ds_prep all[DOCTOR_OPTIONS], now = d->trials[d->trial].prep;
    struct doctor_axis *axis = &d->axes[id];
    char name[DOCTOR_NAME];
    int count = choices(d, id, &now, all), leader = d->trial;
    name_option(id, &now, name);
    add_option(axis, name, d->order, d->trial);
    for (int i = 0; i < count; i++) {
        int trial = 0;
        name_option(id, &all[i], name);
        (void)snprintf(d->doing, sizeof d->doing, "%s: %s", doctor_axis_name(id), name);
        TRY(run_trial(d, &all[i], leader, &trial, e));
        add_option(axis, name, d->order, trial);
        choose_order(d);
        if (leads(d, trial, leader))
            leader = trial;
    }
    for (int i = 0; i < axis->count; i++)
        axis->options[i].order = d->order;
    settle(d, axis, false);
    d->trial = axis->options[axis->best].trial;
out:
    return rc;
}

// Pictures that could not be read are left out from here on.
static void drop_failed(struct doctor *d)
{
    size_t kept = 0;
    struct doctor_trial *trial = &d->trials[0];
    for (size_t i = 0; i < d->sample.count; i++) {
        if (!trial->answers[i].ok)
            continue;
        trial->answers[kept] = trial->answers[i];
        d->sample.pictures[kept++] = d->sample.pictures[i];
    }
    d->failed = d->sample.count - kept;
    d->sample.count = trial->count = kept;
}

static enum err_code search(struct doctor *d, struct err *e)
{
    enum err_code rc;
    struct ds_prep all[DOCTOR_OPTIONS];
    struct doctor_axis *labels = &d->axes[DOCTOR_LABELS];
    const struct ds_prep now = ds_prep_spelled(&d->setup->prep);
    size_t trials = 1;
    for (int id = DOCTOR_VALUES; id < DOCTOR_AXES; id++)
        trials += (size_t)choices(d, (enum doctor_axis_id)id, &now, all);
    d->planned = trials * d->sample.count;
    d->order = d->order_now;
    (void)snprintf(d->doing, sizeof d->doing, "as it is");
    TRY(open_trial(d, &now, &d->trial, e));
    TRY(doctor_run(d, &d->trials[0], 0, d->sample.count, e));
    drop_failed(d);
    if (d->sample.count == 0)
        TRY(err_set(e, ERR_MISSING,
                    "%s: none of %zu labelled pictures could be used; xlens verify says "
                    "why",
                    ds_root(d->ds), d->failed));
    choose_order(d);
    for (int id = DOCTOR_VALUES; id < DOCTOR_AXES; id++)
        TRY(search_axis(d, (enum doctor_axis_id)id, e));
    settle_labels(d, d->trial, labels);
    d->order = labels->options[labels->best].order;
out:
    return rc;
}

enum err_code doctor_search(struct doctor *d, struct err *e)
{
    d->began = clock_now();
    bar_open(&d->bar, d->cli);
    enum err_code rc = search(d, e);
    bar_close(&d->bar);
    d->seconds = clock_now() - d->began;
    return rc;
}

void doctor_release(struct doctor *d)
{
    for (int i = 0; i < d->trial_count; i++)
        free(d->trials[i].answers);
    doctor_sample_release(&d->sample);
}

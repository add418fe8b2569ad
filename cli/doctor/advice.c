#include "cli/doctor/doctor.h"

#include <stdio.h>
#include <string.h>

static const struct doctor_option *best_of(const struct doctor_axis *axis)
{
    return &axis->options[axis->best];
}

bool doctor_fits(const struct doctor *d)
{
    const struct doctor_figures *best = &best_of(&d->axes[DOCTOR_LABELS])->figures;
    double guessing = 100.0 / eng_model_info(d->setup->model)->classes;
    return rep_wilson(best->top1, best->images).low > guessing;
}

static const char *values_mistake(enum ds_values from, enum ds_values to)
{
    if (to == DS_CAFFE)
        return "Caffe means: the network wants bytes less the mean colour, as Caffe's do";
    if (from == DS_CAFFE)
        return "Caffe means: the network does not want them";
    if (to == DS_BYTES || (to == DS_UNIT && from != DS_BYTES))
        return "normalised twice: the network does itself what is done to its input";
    if (from == DS_BYTES || from == DS_UNIT)
        return "missing normalisation: the network wants other values";
    return to == DS_IMAGENET
               ? "mean and deviation: the network wants those of ImageNet, not -1 to 1"
               : "mean and deviation: the network wants -1 to 1, not those of ImageNet";
}

const char *doctor_mistake(const struct doctor *d, enum doctor_axis_id id)
{
    const struct doctor_axis *axis = &d->axes[id];
    if (axis->best == 0)
        return NULL;
    const struct ds_prep *from = &d->trials[axis->options[0].trial].prep;
    const struct ds_prep *to = &d->trials[best_of(axis)->trial].prep;
    switch (id) {
    case DOCTOR_LABELS:
        return doctor_order_info(best_of(axis)->order)->mistake;
    case DOCTOR_VALUES:
        return values_mistake(from->values, to->values);
    case DOCTOR_CHANNELS:
        return to->bgr
                   ? "BGR: red and blue are swapped, in the network or in the pictures"
                   : "BGR: red and blue are swapped where they should not be";
    case DOCTOR_RESIZE:
        if (to->shorter == DS_SQUASH)
            return "cropped: the network wants the whole picture, squashed";
        return from->shorter == DS_SQUASH
                   ? "squashed: the network wants the proportions kept, and a crop"
                   : "another crop than the network was trained for";
    case DOCTOR_FILTER:
    case DOCTOR_AXES:
    default:
        return "another resampling than the network was trained for";
    }
}

// The devkit's ids are read from val_label.txt only.
static bool order_is_option(const struct doctor *d)
{
    return ds_shape(d->ds) == DS_FLAT_VAL;
}

const char *doctor_remedy(const struct doctor *d)
{
    if (d->order == d->order_now)
        return NULL;
    if (d->order == DOCTOR_ILSVRC && !order_is_option(d))
        return "label by WordNet id, or keep the ids in a val_label.txt";
    return doctor_order_info(d->order)->remedy;
}

static int words(const char *text)
{
    int n = 1;
    for (; (text = strchr(text, ',')); text++)
        n++;
    return n;
}

// As few words as any preset needs, its own before others.
void doctor_preprocess(const struct doctor *d, char text[DS_PREP_TEXT_MAX])
{
    struct ds_prep prep = d->trials[d->trial].prep;
    ds_prep_text(&prep, text);
    for (int i = 0; i < DS_PRESET_COUNT; i++) {
        char other[DS_PREP_TEXT_MAX];
        prep.preset = (enum ds_preset)i;
        ds_prep_text(&prep, other);
        if (words(other) < words(text))
            memcpy(text, other, sizeof other);
    }
}

bool doctor_changes(const struct doctor *d)
{
    return d->trial != 0 || d->order != d->order_now;
}

void doctor_flags(const struct doctor *d, struct str *out)
{
    char text[DS_PREP_TEXT_MAX];
    doctor_preprocess(d, text);
    str_addf(out, "--preprocess %s", text);
    if (d->order == DOCTOR_ILSVRC && order_is_option(d))
        str_add(out, " --label-order ilsvrc");
}

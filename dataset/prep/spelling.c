// Preprocessing as a line of words: a preset and what replaces its own.

#include "dataset/prep.h"

#include "dataset/prep/resample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const filters[] = {
    [DS_NEAREST] = "nearest",
    [DS_BILINEAR] = "bilinear",
    [DS_BICUBIC] = "bicubic",
    [DS_BILINEAR_CV] = "opencv",
};
static const char *const values[] = {
    [DS_CENTRED] = "centred", [DS_IMAGENET] = "imagenet", [DS_UNIT] = "unit",
    [DS_BYTES] = "bytes",     [DS_CAFFE] = "caffe",
};
enum {
    FILTERS = sizeof filters / sizeof *filters,
    VALUES = sizeof values / sizeof *values
};

static bool is_word(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

// Place of the word in names from 1 on; 0: it is none of them.
static int find_word(const char *text, size_t len, const char *const *names, int count)
{
    for (int i = 1; i < count; i++)
        if (is_word(text, len, names[i]))
            return i;
    return 0;
}

static bool read_side(const char *text, size_t len, int *side)
{
    static const char key[] = "resize=";
    size_t digits = len - (sizeof key - 1);
    if (len < sizeof key || strncmp(text, key, sizeof key - 1) != 0 || digits > 8 ||
        strspn(text + sizeof key - 1, "0123456789") < digits)
        return false;
    long value = strtol(text + sizeof key - 1, NULL, 10);
    *side = (int)value;
    return value >= 1 && value <= RESAMPLE_MAX_SIDE;
}

static bool read_word(const char *text, size_t len, struct ds_prep *prep)
{
    int filter = find_word(text, len, filters, FILTERS);
    int value = find_word(text, len, values, VALUES);
    if (filter)
        prep->filter = (enum ds_filter)filter;
    else if (value)
        prep->values = (enum ds_values)value;
    else if (is_word(text, len, "squash"))
        prep->shorter = DS_SQUASH;
    else if (is_word(text, len, "bgr"))
        prep->bgr = true;
    else
        return read_side(text, len, &prep->shorter);
    return true;
}

enum err_code ds_prep_parse(const char *text, struct ds_prep *prep, struct err *e)
{
    size_t len = strcspn(text, ",");
    char name[16];
    (void)snprintf(name, sizeof name, "%.*s", len < sizeof name ? (int)len : 0, text);
    int preset = ds_preset_find(name);
    if (preset < 0)
        return err_set(e, ERR_FORMAT,
                       "%.*s: no such preset, expected xception, timm, ppcls, ppcls-cv2 "
                       "or keras",
                       len < 100 ? (int)len : 100, text);
    struct ds_prep read = {.preset = (enum ds_preset)preset,
                           .height = prep->height,
                           .width = prep->width,
                           .crop_pct = prep->crop_pct};
    while (text[len] == ',') {
        text += len + 1;
        len = strcspn(text, ",");
        if (!read_word(text, len, &read))
            return err_set(e, ERR_FORMAT,
                           "%.*s: unknown, expected nearest, bilinear, bicubic, opencv, "
                           "resize=N, squash, centred, imagenet, unit, bytes, caffe or "
                           "bgr",
                           len < 100 ? (int)len : 100, text);
    }
    *prep = read;
    return ERR_OK;
}

void ds_prep_text(const struct ds_prep *prep, char text[DS_PREP_TEXT_MAX])
{
    const struct ds_prep plain = {.preset = prep->preset,
                                  .height = prep->height,
                                  .width = prep->width,
                                  .crop_pct = prep->crop_pct};
    const struct ds_prep own = ds_prep_spelled(&plain), whole = ds_prep_spelled(prep);
    char side[24] = ",squash";
    if (whole.shorter != DS_SQUASH)
        (void)snprintf(side, sizeof side, ",resize=%d", whole.shorter);
    bool filter = whole.filter != own.filter, value = whole.values != own.values;
    (void)snprintf(text, DS_PREP_TEXT_MAX, "%s%s%s%s%s%s%s", ds_preset_name(prep->preset),
                   filter ? "," : "", filter ? filters[whole.filter] : "",
                   whole.shorter != own.shorter ? side : "", value ? "," : "",
                   value ? values[whole.values] : "", prep->bgr ? ",bgr" : "");
}

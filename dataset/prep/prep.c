#include "dataset/prep.h"

#include "dataset/prep/resample.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PREP_VERSION = 1, MAX_SIDE = 1 << 14 };

static const double default_crop_pct = 0.897; // 333 at 299

enum { FROM_CROP_PCT = 0 };

static const struct {
    const char *name;
    enum ds_filter filter;
    enum ds_values values;
    int base; // shorter side at input size 299, FROM_CROP_PCT or DS_SQUASH
} presets[DS_PRESET_COUNT] = {
    [DS_PRESET_XCEPTION] = {"xception", DS_BILINEAR, DS_CENTRED, 342},
    [DS_PRESET_TIMM] = {"timm", DS_BICUBIC, DS_CENTRED, FROM_CROP_PCT},
    [DS_PRESET_PPCLS] = {"ppcls", DS_BILINEAR, DS_IMAGENET, 320},
    [DS_PRESET_PPCLS_CV2] = {"ppcls-cv2", DS_BILINEAR_CV, DS_IMAGENET, 320},
    [DS_PRESET_KERAS] = {"keras", DS_NEAREST, DS_CENTRED, DS_SQUASH},
};

int ds_preset_find(const char *name)
{
    for (int i = 0; i < DS_PRESET_COUNT; i++)
        if (strcmp(presets[i].name, name) == 0)
            return i;
    return -1;
}

const char *ds_preset_name(enum ds_preset preset)
{
    return presets[preset].name;
}

static double crop_pct_of(const struct ds_prep *prep)
{
    return prep->crop_pct > 0 ? prep->crop_pct : default_crop_pct;
}

static int shorter_side(const struct ds_prep *prep)
{
    int size = prep->height > prep->width ? prep->height : prep->width;
    int base = presets[prep->preset].base;
    if (prep->shorter || base == DS_SQUASH)
        return prep->shorter ? prep->shorter : DS_SQUASH;
    if (base == FROM_CROP_PCT)
        return (int)floor(fmin(size / crop_pct_of(prep), RESAMPLE_MAX_SIDE));
    return (int)round(base * size / 299.0);
}

struct ds_prep ds_prep_spelled(const struct ds_prep *prep)
{
    struct ds_prep whole = *prep;
    if (whole.filter == DS_FILTER_OWN)
        whole.filter = presets[prep->preset].filter;
    if (whole.values == DS_VALUES_OWN)
        whole.values = presets[prep->preset].values;
    whole.shorter = shorter_side(prep);
    return whole;
}

void ds_prep_key(const struct ds_prep *prep, char key[DS_PREP_KEY_MAX])
{
    char text[DS_PREP_TEXT_MAX], pct[24] = "";
    ds_prep_text(prep, text);
    int name = (int)strcspn(text, ",");
    if (prep->preset == DS_PRESET_TIMM)
        (void)snprintf(pct, sizeof pct, "-%.6g", crop_pct_of(prep));
    (void)snprintf(key, DS_PREP_KEY_MAX, "%.*s%s%s/%dx%d/v%d", name, text, pct,
                   text + name, prep->height, prep->width, PREP_VERSION);
}

// How the two sides follow from the shorter one, and where the crop lies, is OpenCV's
// users' affair as much as the filter: PaddleClas' int(round(side * (size / short))) and
// (n - crop) // 2; else torchvision's int(size * long / short) and
// int(round((n - crop) / 2.0)), halves to even.
static double resized_side(enum ds_filter filter, int side, int shortest, double size)
{
    if (filter == DS_BILINEAR_CV)
        return rint(side * (size / shortest));
    return side == shortest ? size : trunc(size * side / shortest);
}

static int crop_start(enum ds_filter filter, int full, int crop)
{
    double start = (full - crop) / 2.0;
    return (int)(filter == DS_BILINEAR_CV ? floor(start) : rint(start));
}

// prep is spelled out.
static enum err_code find_window(const struct ds_prep *prep, const struct ds_image *image,
                                 struct window *out, struct err *e)
{
    if (prep->height < 1 || prep->width < 1 || prep->height > MAX_SIDE ||
        prep->width > MAX_SIDE)
        return err_set(e, ERR_UNSUPPORTED, "input size %d×%d, expected 1 to %d a side",
                       prep->height, prep->width, MAX_SIDE);
    *out = (struct window){prep->width, prep->height, 0, 0, prep->width, prep->height};
    if (prep->shorter == DS_SQUASH)
        return ERR_OK;
    int shortest = image->width < image->height ? image->width : image->height;
    double size = prep->shorter;
    if (size < prep->width || size < prep->height)
        return err_set(e, ERR_UNSUPPORTED,
                       "shorter side resized to %d, expected at least %d: the crop would "
                       "be larger than the picture",
                       prep->shorter,
                       prep->width > prep->height ? prep->width : prep->height);
    double width = resized_side(prep->filter, image->width, shortest, size);
    double height = resized_side(prep->filter, image->height, shortest, size);
    if (width > RESAMPLE_MAX_SIDE || height > RESAMPLE_MAX_SIDE)
        return err_set(e, ERR_IMAGE, "%d×%d pixels: too narrow to be resized",
                       image->width, image->height);
    out->full_width = (int)width;
    out->full_height = (int)height;
    out->x = crop_start(prep->filter, out->full_width, prep->width);
    out->y = crop_start(prep->filter, out->full_height, prep->height);
    return ERR_OK;
}

static enum err_code resample(const struct ds_image *src, enum ds_filter filter,
                              const struct window *window, uint8_t *dst, struct err *e)
{
    return filter == DS_BILINEAR_CV ? resample_opencv(src, window, dst, e)
                                    : resample_pillow(src, filter, window, dst, e);
}

enum err_code ds_prep_pixels(const struct ds_prep *prep, const struct ds_image *image,
                             uint8_t *hwc, struct err *e)
{
    struct window window;
    const struct ds_prep whole = ds_prep_spelled(prep);
    enum err_code rc = find_window(&whole, image, &window, e);
    if (rc != ERR_OK)
        return rc;
    return resample(image, whole.filter, &window, hwc, e);
}

// Every step in float32, in the order of the framework that trained the network.
static float value_of(const struct ds_prep *prep, int colour, int byte)
{
    static const float mean[] = {0.485F, 0.456F, 0.406F};
    static const float deviation[] = {0.229F, 0.224F, 0.225F};
    static const float caffe_mean[] = {123.68F, 116.779F, 103.939F};
    float x = (float)byte;
    switch (prep->values) {
    case DS_IMAGENET:
        return (x / 255.0F - mean[colour]) / deviation[colour];
    case DS_UNIT:
        return x / 255.0F;
    case DS_BYTES:
        return x;
    case DS_CAFFE:
        return x - caffe_mean[colour];
    case DS_VALUES_OWN:
    case DS_CENTRED:
    default:
        if (prep->preset == DS_PRESET_KERAS)
            return x / 127.5F - 1.0F;
        return (x / 255.0F - 0.5F) / 0.5F;
    }
}

void ds_prep_values(const struct ds_prep *prep, const uint8_t *hwc, float *chw)
{
    const struct ds_prep whole = ds_prep_spelled(prep);
    size_t pixels = (size_t)prep->height * (size_t)prep->width;
    for (int c = 0; c < 3; c++) {
        int colour = prep->bgr ? 2 - c : c;
        float value[256];
        for (int i = 0; i < 256; i++)
            value[i] = value_of(&whole, colour, i);
        float *plane = chw + (size_t)c * pixels;
        for (size_t i = 0; i < pixels; i++)
            plane[i] = value[hwc[3 * i + (size_t)colour]];
    }
}

enum err_code ds_resize(const struct ds_image *src, enum ds_filter filter, int dst_w,
                        int dst_h, uint8_t *dst, struct err *e)
{
    if (dst_w < 1 || dst_h < 1 || dst_w > RESAMPLE_MAX_SIDE || dst_h > RESAMPLE_MAX_SIDE)
        return err_set(e, ERR_UNSUPPORTED, "size %d×%d, expected 1 to %d a side", dst_w,
                       dst_h, RESAMPLE_MAX_SIDE);
    struct window whole = {dst_w, dst_h, 0, 0, dst_w, dst_h};
    return resample(src, filter, &whole, dst, e);
}

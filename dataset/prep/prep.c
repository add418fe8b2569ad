#include "dataset/prep.h"

#include "dataset/prep/resample.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PREP_VERSION = 1, MAX_SIDE = 1 << 14 };

static const double default_crop_pct = 0.897; // 333 at 299

enum values { VALUES_CENTRED, VALUES_KERAS, VALUES_IMAGENET };

// How the two sides follow from the shorter one, and where the crop lies.
enum rounding { AS_TORCHVISION, AS_PADDLE, SQUASHED };

static const struct {
    const char *name;
    enum ds_filter filter;
    enum rounding rounding;
    enum values values;
    int base; // shorter side at input size 299; 0: from crop_pct
} presets[DS_PRESET_COUNT] = {
    [DS_PRESET_XCEPTION] = {"xception", DS_BILINEAR, AS_TORCHVISION, VALUES_CENTRED, 342},
    [DS_PRESET_TIMM] = {"timm", DS_BICUBIC, AS_TORCHVISION, VALUES_CENTRED, 0},
    [DS_PRESET_PPCLS] = {"ppcls", DS_BILINEAR, AS_TORCHVISION, VALUES_IMAGENET, 320},
    [DS_PRESET_PPCLS_CV2] = {"ppcls-cv2", DS_BILINEAR_CV, AS_PADDLE, VALUES_IMAGENET,
                             320},
    [DS_PRESET_KERAS] = {"keras", DS_NEAREST, SQUASHED, VALUES_KERAS, 0},
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

void ds_prep_key(const struct ds_prep *prep, char key[DS_PREP_KEY_MAX])
{
    char pct[24] = "";
    if (prep->preset == DS_PRESET_TIMM)
        (void)snprintf(pct, sizeof pct, "-%.6g", crop_pct_of(prep));
    (void)snprintf(key, DS_PREP_KEY_MAX, "%s%s/%dx%d/v%d", ds_preset_name(prep->preset),
                   pct, prep->height, prep->width, PREP_VERSION);
}

static double shorter_side(const struct ds_prep *prep)
{
    int size = prep->height > prep->width ? prep->height : prep->width;
    if (prep->preset == DS_PRESET_TIMM)
        return floor(size / crop_pct_of(prep));
    return round(presets[prep->preset].base * size / 299.0);
}

// torchvision: int(size * long / short); PaddleClas: int(round(side * (size / short))).
static double resized_side(enum rounding rounding, int side, int shortest, double size)
{
    if (rounding == AS_PADDLE)
        return rint(side * (size / shortest));
    return side == shortest ? size : trunc(size * side / shortest);
}

// torchvision: int(round((n - crop) / 2.0)), halves to even; PaddleClas: (n - crop) // 2.
static int crop_start(enum rounding rounding, int full, int crop)
{
    double start = (full - crop) / 2.0;
    return (int)(rounding == AS_PADDLE ? floor(start) : rint(start));
}

static enum err_code find_window(const struct ds_prep *prep, const struct ds_image *image,
                                 struct window *out, struct err *e)
{
    enum rounding rounding = presets[prep->preset].rounding;
    if (prep->height < 1 || prep->width < 1 || prep->height > MAX_SIDE ||
        prep->width > MAX_SIDE)
        return err_set(e, ERR_UNSUPPORTED, "input size %d×%d, expected 1 to %d a side",
                       prep->height, prep->width, MAX_SIDE);
    *out = (struct window){prep->width, prep->height, 0, 0, prep->width, prep->height};
    if (rounding == SQUASHED)
        return ERR_OK;
    int shortest = image->width < image->height ? image->width : image->height;
    double size = shorter_side(prep);
    if (size < prep->width || size < prep->height)
        return err_set(e, ERR_UNSUPPORTED,
                       "crop fraction %g, expected at most 1: the crop would be larger "
                       "than the picture",
                       crop_pct_of(prep));
    double width = resized_side(rounding, image->width, shortest, size);
    double height = resized_side(rounding, image->height, shortest, size);
    if (width > RESAMPLE_MAX_SIDE || height > RESAMPLE_MAX_SIDE)
        return err_set(e, ERR_IMAGE, "%d×%d pixels: too narrow to be resized",
                       image->width, image->height);
    out->full_width = (int)width;
    out->full_height = (int)height;
    out->x = crop_start(rounding, out->full_width, prep->width);
    out->y = crop_start(rounding, out->full_height, prep->height);
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
    enum err_code rc = find_window(prep, image, &window, e);
    if (rc != ERR_OK)
        return rc;
    return resample(image, presets[prep->preset].filter, &window, hwc, e);
}

// Every step in float32, in the order of the framework that trained the network.
static float value_of(enum values values, int channel, int pixel)
{
    static const float mean[] = {0.485F, 0.456F, 0.406F};
    static const float deviation[] = {0.229F, 0.224F, 0.225F};
    float x = (float)pixel;
    switch (values) {
    case VALUES_KERAS:
        return x / 127.5F - 1.0F;
    case VALUES_IMAGENET:
        return (x / 255.0F - mean[channel]) / deviation[channel];
    case VALUES_CENTRED:
    default:
        return (x / 255.0F - 0.5F) / 0.5F;
    }
}

void ds_prep_values(const struct ds_prep *prep, const uint8_t *hwc, float *chw)
{
    size_t pixels = (size_t)prep->height * (size_t)prep->width;
    for (int c = 0; c < 3; c++) {
        float value[256];
        for (int i = 0; i < 256; i++)
            value[i] = value_of(presets[prep->preset].values, c, i);
        float *plane = chw + (size_t)c * pixels;
        for (size_t i = 0; i < pixels; i++)
            plane[i] = value[hwc[3 * i + (size_t)c]];
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

#ifndef DATASET_PREP_H
#define DATASET_PREP_H

// From a picture to the tensor that a network was trained on, exactly: the uint8 stage is
// equal to Pillow/torchvision (or OpenCV) to the byte.

#include "dataset/image.h"

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum ds_preset {
    DS_PRESET_XCEPTION,  // shorter side round(342·S/299), bilinear, crop S, x/127.5−1
    DS_PRESET_TIMM,      // shorter side floor(S/crop_pct), bicubic, crop S, x/127.5−1
    DS_PRESET_PPCLS,     // shorter side 320·S/299, bilinear, crop S, ImageNet mean/std
    DS_PRESET_PPCLS_CV2, // the same with OpenCV's bilinear, no antialias
    DS_PRESET_KERAS,     // squashed to S×S by nearest neighbour, x/127.5−1
    DS_PRESET_COUNT
};

enum ds_filter { DS_FILTER_OWN, DS_NEAREST, DS_BILINEAR, DS_BICUBIC, DS_BILINEAR_CV };

// What becomes of a byte x, colour by colour.
enum ds_values {
    DS_VALUES_OWN,
    DS_CENTRED,  // x/127.5−1
    DS_IMAGENET, // (x/255−mean)/deviation, those of ImageNet
    DS_UNIT,     // x/255
    DS_BYTES,    // x
    DS_CAFFE,    // x−mean, that of Caffe's ImageNet models
};

enum { DS_SQUASH = -1 };

struct ds_prep {
    enum ds_preset preset;
    int height, width; // of the tensor
    double crop_pct;   // timm only; 0: 333 at 299 as unknown architectures
    // What takes the place of the preset's own; 0: nothing does.
    enum ds_filter filter;
    enum ds_values values;
    int shorter; // pixels that the shorter side is resized to, or DS_SQUASH: no crop
    bool bgr;    // planes are blue, green, red
};

// "xception", "timm", …; -1 when there is none.
int ds_preset_find(const char *name);
const char *ds_preset_name(enum ds_preset preset);

// A preset and what is to replace its own, "xception,bicubic,resize=256,bgr", into the
// fields of *prep that say so. ERR_FORMAT names the word that is not known.
enum err_code ds_prep_parse(const char *text, struct ds_prep *prep,
                            struct err *e) MUST_CHECK;

// The way back, "xception,bicubic,resize=256,bgr".
enum { DS_PREP_TEXT_MAX = 80 };
void ds_prep_text(const struct ds_prep *prep, char text[DS_PREP_TEXT_MAX]);

// "xception/299x299/v1": part of the cache key; the version grows when pixels change.
enum { DS_PREP_KEY_MAX = 128 };
void ds_prep_key(const struct ds_prep *prep, char key[DS_PREP_KEY_MAX]);

// The same steps with nothing left to the preset.
struct ds_prep ds_prep_spelled(const struct ds_prep *prep);

// Resize and crop into hwc[height][width][3] (caller's). Upscales where needed.
enum err_code ds_prep_pixels(const struct ds_prep *prep, const struct ds_image *image,
                             uint8_t *hwc, struct err *e) MUST_CHECK;

// Values into chw[3][height][width], RGB planes unless prep->bgr.
void ds_prep_values(const struct ds_prep *prep, const uint8_t *hwc, float *chw);

// Resamplers, RGB bytes, dst is dst_w*dst_h*3 (caller's).
enum err_code ds_resize(const struct ds_image *src, enum ds_filter filter, int dst_w,
                        int dst_h, uint8_t *dst, struct err *e) MUST_CHECK;

#endif

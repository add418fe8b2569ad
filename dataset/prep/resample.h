#ifndef DATASET_PREP_RESAMPLE_H
#define DATASET_PREP_RESAMPLE_H

// Resamplers that compute a window of the resized picture only: what a crop throws away
// is never made.

#include "dataset/prep.h"

enum { RESAMPLE_MAX_SIDE = 1 << 24 }; // of the resized picture

struct window {
    int full_width, full_height; // of the whole resized picture
    int x, y, width, height;     // the part wanted; inside the whole
};

// As Pillow: DS_NEAREST, DS_BILINEAR, DS_BICUBIC. dst is window->height × width × 3.
enum err_code resample_pillow(const struct ds_image *src, enum ds_filter filter,
                              const struct window *window, uint8_t *dst,
                              struct err *e) MUST_CHECK;

// As OpenCV's INTER_LINEAR on 8 bits.
enum err_code resample_opencv(const struct ds_image *src, const struct window *window,
                              uint8_t *dst, struct err *e) MUST_CHECK;

#endif

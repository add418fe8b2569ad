#ifndef DATASET_VDSP_H
#define DATASET_VDSP_H

// Preprocessing as a vdsp_params JSON of the VastModelZOO describes it: one resize, one
// crop, one normalisation, whatever the picture's shape.

#include "dataset/image.h"

#include "base/err.h"

#include <stdbool.h>

struct ds_vdsp {
    int resize_width, resize_height; // of the whole picture, squashed
    int crop_x, crop_y;              // where the tensor's window begins in it
    int width, height;               // of the tensor
    bool pillow;                     // resize as Pillow, else as OpenCV
    bool swap;                       // planes are blue, green, red
    bool by_255;                     // values are divided by 255 first
    float mean[3], deviation[3];     // of the tensor's planes
};

// ERR_FORMAT for a field or a type that is unknown, missing or out of range.
enum err_code ds_vdsp_open(const char *path, struct ds_vdsp *out,
                           struct err *e) MUST_CHECK;

// Picture into chw[3][height][width] by way of hwc[height][width][3] (both the caller's).
enum err_code ds_vdsp_apply(const struct ds_vdsp *vdsp, const struct ds_image *image,
                            uint8_t *hwc, float *chw, struct err *e) MUST_CHECK;

#endif

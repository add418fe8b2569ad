#ifndef DATASET_IMAGE_H
#define DATASET_IMAGE_H

// From the bytes of a file to RGB pixels. Content decides the decoder: JPEG (baseline,
// progressive, arithmetic; grey, YCbCr, RGB, CMYK, YCCK) or PNG, whatever the name.

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ds_image {
    uint8_t *rgb; // [height][width][3], malloc'ed
    int width, height;
};

// Whose pixels are wanted. They differ on CMYK, on EXIF orientation and on 16-bit grey
// PNG (which Pillow clips at 255) only.
enum ds_decoder {
    DS_AS_PILLOW, // Image.open(f).convert("RGB"): EXIF ignored
    DS_AS_OPENCV, // cv2.imread, as RGB: EXIF orientation applied
};

enum {
    DS_MAX_PIXELS = 178956970, // Pillow's own limit for a "decompression bomb"
    DS_MAX_SCANS = 100,        // progressive scans before a file counts as a bomb
};

// Full, exact decode of a file in memory; `name` is for messages. ERR_IMAGE when damaged,
// truncated, unsupported or beyond the limits.
enum err_code ds_image_decode(const uint8_t *data, size_t len, const char *name,
                              enum ds_decoder as, struct ds_image *out,
                              struct err *e) MUST_CHECK;

// The same from a path.
enum err_code ds_image_open(const char *path, enum ds_decoder as, struct ds_image *out,
                            struct err *e) MUST_CHECK;

// For the eye: JPEG is scaled by 1/2 … 1/8 while decoding so that it still covers
// min_width × min_height; EXIF orientation applied; damaged pictures give what there is.
enum err_code ds_image_preview(const char *path, int min_width, int min_height,
                               struct ds_image *out, struct err *e) MUST_CHECK;

void ds_image_release(struct ds_image *image);

// The same pixels plane by plane: chw is [3][height][width].
void ds_image_planes(const struct ds_image *image, uint8_t *chw);

// As a JPEG file in malloc'ed memory; quality 1 … 100.
enum err_code ds_image_encode(const struct ds_image *image, int quality, uint8_t **jpeg,
                              size_t *len, struct err *e) MUST_CHECK;

// A preview that fits within side × side, as a JPEG file in malloc'ed memory.
enum err_code ds_thumbnail(const char *path, int side, uint8_t **jpeg, size_t *len,
                           struct err *e) MUST_CHECK;

#endif

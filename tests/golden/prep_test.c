// Every reference picture, decoded and preprocessed, against the digests that Pillow,
// torchvision and OpenCV gave: prep_test FOLDER [STEP] runs one folder of them, or every
// STEP-th picture (for builds with slow checks).

#include "tests/golden/prep_digest.h"

#include "dataset/prep.h"
#include "dataset/vdsp.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 299, CV_SIZE = 324, CV_CROP = 12 };

// A row of *_pillow.csv; ctx is the folder of the pictures.
static void check_pillow(struct prep_tally *tally, char **fields, void *ctx)
{
    static const enum ds_preset presets[] = {DS_PRESET_XCEPTION, DS_PRESET_TIMM,
                                             DS_PRESET_PPCLS, DS_PRESET_KERAS};
    static uint8_t hwc[SIZE * SIZE * 3];
    char *path = mem_printf("%s/%s", (const char *)ctx, fields[0]);
    struct ds_image image = {0};
    struct err e = {0};
    if (ds_image_open(path, DS_AS_PILLOW, &image, &e) != ERR_OK) {
        prep_fail(tally, fields[0], e.msg);
    } else {
        prep_check_image(tally, fields[0], "decoded as Pillow", &image, fields[4]);
        for (int i = 0; i < 4; i++) {
            struct ds_prep prep = {presets[i], .height = SIZE, .width = SIZE};
            if (ds_prep_pixels(&prep, &image, hwc, &e) != ERR_OK)
                prep_fail(tally, fields[0], e.msg);
            prep_check(tally, fields[0], ds_preset_name(presets[i]), hwc, sizeof hwc,
                       fields[5 + i]);
        }
    }
    ds_image_release(&image);
    free(path);
}

static void check_planes(struct prep_tally *tally, const char *file,
                         const struct ds_image *image, const char *expected)
{
    size_t pixels = (size_t)image->width * (size_t)image->height;
    uint8_t *chw = mem_array(pixels, 3);
    for (size_t i = 0; chw && i < pixels; i++)
        for (size_t c = 0; c < 3; c++)
            chw[c * pixels + i] = image->rgb[3 * i + c];
    prep_check(tally, file, "decoded as OpenCV", chw, pixels * 3, expected);
    free(chw);
}

// As the recipe's vdsp_params have it: the whole picture squashed, then cropped.
static void check_resized(struct prep_tally *tally, const char *file,
                          const struct ds_image *image, const char *expected)
{
    static uint8_t hwc[SIZE * SIZE * 3];
    static float chw[SIZE * SIZE * 3];
    const struct ds_vdsp vdsp = {
        .resize_width = CV_SIZE,
        .resize_height = CV_SIZE,
        .crop_x = CV_CROP,
        .crop_y = CV_CROP,
        .width = SIZE,
        .height = SIZE,
        .by_255 = true,
        .mean = {0.5F, 0.5F, 0.5F},
        .deviation = {0.5F, 0.5F, 0.5F},
    };
    struct err e = {0};
    if (ds_vdsp_apply(&vdsp, image, hwc, chw, &e) != ERR_OK)
        prep_fail(tally, file, e.msg);
    prep_check(tally, file, "resized as OpenCV", hwc, sizeof hwc, expected);
    for (size_t i = 0; i < sizeof hwc; i++) {
        float value = ((float)hwc[i] / 255.0F - 0.5F) / 0.5F;
        if (chw[i % 3 * SIZE * SIZE + i / 3] != value) {
            prep_fail(tally, file, "a value is not that of its pixel");
            return;
        }
    }
}

// A row of *_cv2.csv.
static void check_opencv(struct prep_tally *tally, char **fields, void *ctx)
{
    char *path = mem_printf("%s/%s", (const char *)ctx, fields[0]);
    struct ds_image image = {0};
    struct err e = {0};
    if (ds_image_open(path, DS_AS_OPENCV, &image, &e) != ERR_OK) {
        prep_fail(tally, fields[0], e.msg);
    } else {
        check_planes(tally, fields[0], &image, fields[1]);
        check_resized(tally, fields[0], &image, fields[3]);
    }
    ds_image_release(&image);
    free(path);
}

static int check_table(const char *set, const char *kind, long step,
                       prep_row_fn *check_row)
{
    char *table =
        mem_printf("%s/data/reference/%s_%s.csv", XLENS_REFERENCE_DIR, set, kind);
    char *folder = mem_printf("%s/data/%s%s", XLENS_REFERENCE_DIR, set,
                              strcmp(set, "ilsvrc") == 0 ? "/val" : "");
    int status = prep_status(prep_table(table, step, check_row, folder));
    free(table);
    free(folder);
    return status;
}

int main(int argc, char **argv)
{
    const char *set = argc > 1 ? argv[1] : "calib";
    long step = 1;
    if (argc > 2 && (!str_to_long(argv[2], &step) || step < 1))
        return 2;
    if (!file_is_dir(XLENS_REFERENCE_DIR "/data/reference")) {
        printf("SKIPPED: no reference pictures in " XLENS_REFERENCE_DIR "\n");
        return PREP_SKIPPED;
    }
    int status = check_table(set, "pillow", step, check_pillow);
    if (strcmp(set, "calib") != 0)
        status |= check_table(set, "cv2", step, check_opencv);
    return status;
}

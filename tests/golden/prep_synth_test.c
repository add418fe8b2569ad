// Small pictures of every kind against Pillow, torchvision's steps, OpenCV and
// PaddleClas's steps: decoding, every resampler at many sizes, every preset at several
// input sizes. The expected digests were made by prep_make.py.

#include "tests/golden/prep_digest.h"

#include "dataset/prep.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

static int filter_of(const char *what)
{
    static const char *const names[] = {
        [DS_NEAREST] = "nearest",
        [DS_BILINEAR] = "bilinear",
        [DS_BICUBIC] = "bicubic",
        [DS_BILINEAR_CV] = "bilinear-cv",
    };
    for (int i = DS_NEAREST; i <= DS_BILINEAR_CV; i++)
        if (strcmp(names[i], what) == 0)
            return i;
    return -1;
}

static enum err_code make(const struct ds_image *image, const char *what, int width,
                          int height, uint8_t *hwc, struct err *e)
{
    if (str_starts_with(what, "preset ")) {
        struct ds_prep prep = {.height = height, .width = width};
        prep.preset = (enum ds_preset)ds_preset_find(what + strlen("preset "));
        return ds_prep_pixels(&prep, image, hwc, e);
    }
    return ds_resize(image, (enum ds_filter)filter_of(what), width, height, hwc, e);
}

static void check_row(struct prep_tally *tally, char **fields, void *ctx)
{
    (void)ctx;
    const char *what = fields[1];
    long width, height;
    bool opencv = strcmp(what, "opencv") == 0,
         sizes = str_to_long(fields[2], &width) && str_to_long(fields[3], &height);
    char *path = mem_printf("%s/pictures/%s", XLENS_TEST_DATA, fields[0]);
    char *title = mem_printf("%s to %sx%s", what, fields[2], fields[3]);
    struct ds_image image = {0};
    struct err e = {0};
    if (!sizes || ds_image_open(path, opencv ? DS_AS_OPENCV : DS_AS_PILLOW, &image, &e)) {
        prep_fail(tally, fields[0], e.msg);
    } else if (width == 0) {
        prep_check_image(tally, fields[0], title, &image, fields[4]);
    } else {
        size_t len = (size_t)width * (size_t)height * 3;
        uint8_t *hwc = mem_array(len, 1);
        if (make(&image, what, (int)width, (int)height, hwc, &e) != ERR_OK)
            prep_fail(tally, fields[0], e.msg);
        prep_check(tally, fields[0], title, hwc, len, fields[4]);
        free(hwc);
    }
    ds_image_release(&image);
    free(title);
    free(path);
}

int main(void)
{
    char *table = mem_printf("%s/../golden/prep_synth.csv", XLENS_TEST_DATA);
    int status = prep_status(prep_table(table, 1, check_row, NULL));
    free(table);
    return status;
}

// Every reference picture, decoded and preprocessed, against the digests that Pillow,
// torchvision and OpenCV gave: prep_test FOLDER runs one folder of them.

#include "dataset/image.h"
#include "dataset/prep.h"
#include "dataset/text.h"

#include "base/file.h"
#include "base/mem.h"

#include "tests/support/sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SKIPPED = 77, SIZE = 299, CV_SIZE = 324, CV_CROP = 12, DIGEST = 16 };

struct tally {
    int checked, wrong;
};

static void check(struct tally *tally, const char *file, const char *what,
                  const uint8_t *bytes, size_t len, const char *expected)
{
    char hex[SHA256_HEX];
    sha256_hex(bytes, len, hex);
    tally->checked++;
    if (strncmp(hex, expected, DIGEST) == 0)
        return;
    tally->wrong++;
    printf("%s: %s: %.16s, expected %s\n", file, what, hex, expected);
}

static void check_pillow(struct tally *tally, const char *file,
                         const struct ds_image *image, char **fields)
{
    static const enum ds_preset presets[] = {DS_PRESET_XCEPTION, DS_PRESET_TIMM,
                                             DS_PRESET_PPCLS, DS_PRESET_KERAS};
    static uint8_t hwc[SIZE * SIZE * 3];
    check(tally, file, "decoded as Pillow", image->rgb,
          (size_t)image->width * (size_t)image->height * 3, fields[4]);
    for (int i = 0; i < 4; i++) {
        struct ds_prep prep = {presets[i], SIZE, SIZE, 0};
        struct err e = {0};
        if (ds_prep_pixels(&prep, image, hwc, &e) != ERR_OK)
            printf("%s: %s\n", file, e.msg);
        check(tally, file, ds_preset_name(presets[i]), hwc, sizeof hwc, fields[5 + i]);
    }
}

static void check_opencv(struct tally *tally, const char *file,
                         const struct ds_image *image, char **fields)
{
    static uint8_t resized[CV_SIZE * CV_SIZE * 3], crop[SIZE * SIZE * 3];
    size_t pixels = (size_t)image->width * (size_t)image->height;
    uint8_t *chw = mem_array(pixels, 3);
    struct err e = {0};
    for (size_t i = 0; chw && i < pixels; i++)
        for (size_t c = 0; c < 3; c++)
            chw[c * pixels + i] = image->rgb[3 * i + c];
    check(tally, file, "decoded as OpenCV", chw, pixels * 3, fields[1]);
    free(chw);
    if (ds_resize(image, DS_BILINEAR_CV, CV_SIZE, CV_SIZE, resized, &e) != ERR_OK)
        printf("%s: %s\n", file, e.msg);
    for (size_t y = 0; y < SIZE; y++)
        memcpy(crop + y * SIZE * 3, resized + ((y + CV_CROP) * CV_SIZE + CV_CROP) * 3,
               SIZE * 3);
    check(tally, file, "resized as OpenCV", crop, sizeof crop, fields[3]);
}

typedef void check_fn(struct tally *tally, const char *file, const struct ds_image *image,
                      char **fields);

static struct tally check_table(const char *table, const char *pictures,
                                enum ds_decoder as, check_fn *check_row)
{
    struct tally tally = {0};
    struct text text;
    struct err e = {0};
    char *fields[16],
        *path = mem_printf("%s/data/reference/%s", XLENS_REFERENCE_DIR, table);
    if (text_open(&text, path, TEXT_MAX_BYTES, &e) != ERR_OK) {
        printf("%s\n", e.msg);
        tally.wrong++;
    } else {
        (void)text_record(&text, fields, 16, &e);
        while (text_record(&text, fields, 16, &e) > 0) {
            char *file =
                mem_printf("%s/data/%s/%s", XLENS_REFERENCE_DIR, pictures, fields[0]);
            struct ds_image image = {0};
            if (ds_image_open(file, as, &image, &e) == ERR_OK) {
                check_row(&tally, fields[0], &image, fields);
            } else {
                printf("%s\n", e.msg);
                tally.wrong++;
            }
            ds_image_release(&image);
            free(file);
        }
        text_close(&text);
    }
    free(path);
    printf("%s: %d digests, %d wrong\n", table, tally.checked, tally.wrong);
    return tally;
}

int main(int argc, char **argv)
{
    const char *set = argc > 1 ? argv[1] : "calib";
    if (!file_is_dir(XLENS_REFERENCE_DIR "/data/reference")) {
        printf("SKIPPED: no reference pictures in " XLENS_REFERENCE_DIR "\n");
        return SKIPPED;
    }
    bool flat = strcmp(set, "ilsvrc") == 0;
    char *pictures = mem_printf("%s%s", set, flat ? "/val" : "");
    char *pillow = mem_printf("%s_pillow.csv", set), *cv2 = mem_printf("%s_cv2.csv", set);
    struct tally a = check_table(pillow, pictures, DS_AS_PILLOW, check_pillow),
                 b = {1, 0};
    if (strcmp(set, "calib") != 0)
        b = check_table(cv2, pictures, DS_AS_OPENCV, check_opencv);
    free(pictures);
    free(pillow);
    free(cv2);
    return a.wrong || b.wrong || !a.checked || !b.checked;
}

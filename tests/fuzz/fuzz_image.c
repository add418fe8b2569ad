// Decoding for both frameworks and the preview, and every preset on what comes out.

#include "dataset/image.h"
#include "dataset/prep.h"

#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

enum { SIDE = 33, MAX_PIXELS = 1 << 20 };

static void preview(const char *path)
{
    struct ds_image image = {0};
    struct err e = {0};
    if (ds_image_preview(path, SIDE, SIDE, &image, &e) == ERR_OK &&
        (image.width < 1 || image.height < 1))
        abort();
    ds_image_release(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t hwc[SIDE * SIDE * 3];
    for (int as = DS_AS_PILLOW; as <= DS_AS_OPENCV; as++) {
        struct ds_image image = {0};
        struct err e = {0};
        enum err_code rc =
            ds_image_decode(data, size, "fuzz", (enum ds_decoder)as, &image, &e);
        if ((rc == ERR_OK) != (image.rgb != NULL) || rc != e.code)
            abort();
        bool small = (double)image.width * image.height < MAX_PIXELS;
        for (int preset = 0; rc == ERR_OK && small && preset < DS_PRESET_COUNT;
             preset++) {
            struct ds_prep prep = {(enum ds_preset)preset, .height = SIDE, .width = SIDE};
            if (ds_prep_pixels(&prep, &image, hwc, &e) != ERR_OK && e.msg[0] == '\0')
                abort();
        }
        ds_image_release(&image);
    }
    fuzz_with_file(data, size, ".jpg", preview);
    return 0;
}

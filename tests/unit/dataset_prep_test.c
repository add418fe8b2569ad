#include "dataset/prep.h"

#include "base/mem.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void preset_names(void **state)
{
    (void)state;
    static const char *const names[] = {"xception", "timm", "ppcls", "ppcls-cv2",
                                        "keras"};
    for (int i = 0; i < DS_PRESET_COUNT; i++) {
        assert_int_equal(ds_preset_find(names[i]), i);
        assert_string_equal(ds_preset_name((enum ds_preset)i), names[i]);
    }
    assert_int_equal(ds_preset_find("torch"), -1);
}

static void keys_tell_everything_apart(void **state)
{
    (void)state;
    char key[DS_PREP_KEY_MAX];
    ds_prep_key(&(struct ds_prep){DS_PRESET_XCEPTION, 299, 150, 0}, key);
    assert_string_equal(key, "xception/299x150/v1");
    ds_prep_key(&(struct ds_prep){DS_PRESET_TIMM, 299, 299, 0}, key);
    assert_string_equal(key, "timm-0.897/299x299/v1");
    ds_prep_key(&(struct ds_prep){DS_PRESET_TIMM, 299, 299, 0.94}, key);
    assert_string_equal(key, "timm-0.94/299x299/v1");
}

// float32 results of torch and numpy: (x/255 - mean) / std, and x/127.5 - 1.
static void values_of_each_preset(void **state)
{
    (void)state;
    static const uint8_t hwc[] = {0, 1, 2, 100, 200, 255};
    static const struct {
        enum ds_preset preset;
        float chw[6];
    } cases[] = {
        {DS_PRESET_XCEPTION,
         {-1.0F, -0.21568626F, -0.99215686F, 0.5686275F, -0.98431373F, 1.0F}},
        {DS_PRESET_KERAS,
         {-1.0F, -0.21568626F, -0.99215686F, 0.5686275F, -0.98431373F, 1.0F}},
        {DS_PRESET_PPCLS,
         {-2.1179039F, -0.4054286F, -2.0182073F, 1.4656863F, -1.7695861F, 2.64F}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float chw[6];
        ds_prep_values(&(struct ds_prep){cases[i].preset, 1, 2, 0}, hwc, chw);
        for (int k = 0; k < 6; k++)
            if (fabsf(chw[k] - cases[i].chw[k]) > 3e-7F)
                fail_msg("%s: value %d is %.9g, expected %.9g",
                         ds_preset_name(cases[i].preset), k, (double)chw[k],
                         (double)cases[i].chw[k]);
    }
}

static void pictures_beyond_use(void **state)
{
    (void)state;
    uint8_t hwc[32 * 32 * 3], *line = mem_array(3, 1 << 20);
    struct ds_image narrow = {line, 1 << 20, 1};
    struct err e = {0};
    struct ds_prep prep = {DS_PRESET_XCEPTION, 32, 32, 0};
    assert_int_equal(ds_prep_pixels(&prep, &narrow, hwc, &e), ERR_IMAGE);
    assert_non_null(strstr(e.msg, "too narrow"));
    prep.preset = DS_PRESET_KERAS;
    assert_int_equal(ds_prep_pixels(&prep, &narrow, hwc, &e), ERR_OK);
    prep = (struct ds_prep){DS_PRESET_TIMM, 32, 32, 1.5};
    assert_int_equal(ds_prep_pixels(&prep, &narrow, hwc, &e), ERR_UNSUPPORTED);
    prep = (struct ds_prep){DS_PRESET_KERAS, 0, 32, 0};
    assert_int_equal(ds_prep_pixels(&prep, &narrow, hwc, &e), ERR_UNSUPPORTED);
    assert_int_equal(ds_resize(&narrow, DS_BILINEAR, 0, 1, hwc, &e), ERR_UNSUPPORTED);
    free(line);
}

// A plain colour stays what it is whatever the filter and the size.
static void plain_colours_stay(void **state)
{
    (void)state;
    enum { WIDTH = 37, HEIGHT = 23 };
    static uint8_t rgb[WIDTH * HEIGHT * 3], out[64 * 64 * 3];
    struct ds_image image = {rgb, WIDTH, HEIGHT};
    for (int level = 0; level <= 255; level += 51) {
        memset(rgb, level, sizeof rgb);
        for (int filter = DS_NEAREST; filter <= DS_BILINEAR_CV; filter++)
            for (int size = 1; size <= 64; size += 9) {
                assert_int_equal(
                    ds_resize(&image, (enum ds_filter)filter, size, 65 - size, out, NULL),
                    ERR_OK);
                for (int i = 0; i < size * (65 - size) * 3; i++)
                    assert_int_equal(out[i], level);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(preset_names),
        cmocka_unit_test(keys_tell_everything_apart),
        cmocka_unit_test(values_of_each_preset),
        cmocka_unit_test(pictures_beyond_use),
        cmocka_unit_test(plain_colours_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

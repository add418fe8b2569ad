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
    ds_prep_key(&(struct ds_prep){DS_PRESET_XCEPTION, .height = 299, .width = 150}, key);
    assert_string_equal(key, "xception/299x150/v1");
    ds_prep_key(&(struct ds_prep){DS_PRESET_TIMM, .height = 299, .width = 299}, key);
    assert_string_equal(key, "timm-0.897/299x299/v1");
    ds_prep_key(
        &(struct ds_prep){DS_PRESET_TIMM, .height = 299, .width = 299, .crop_pct = 0.94},
        key);
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
        ds_prep_values(&(struct ds_prep){cases[i].preset, .height = 1, .width = 2}, hwc,
                       chw);
        for (int k = 0; k < 6; k++)
            if (fabsf(chw[k] - cases[i].chw[k]) > 3e-7F)
                fail_msg("%s: value %d is %.9g, expected %.9g",
                         ds_preset_name(cases[i].preset), k, (double)chw[k],
                         (double)cases[i].chw[k]);
    }
}

// numpy float32: x - mean, x / 255.
static void values_in_place_of_the_presets(void **state)
{
    (void)state;
    static const uint8_t hwc[] = {0, 1, 2, 100, 200, 255};
    static const struct {
        const char *text;
        float chw[6];
    } cases[] = {
        {"ppcls,centred",
         {-1.0F, -0.21568626F, -0.99215686F, 0.5686275F, -0.98431373F, 1.0F}},
        {"keras,imagenet",
         {-2.1179039F, -0.4054286F, -2.0182073F, 1.4656863F, -1.7695861F, 2.64F}},
        {"xception,unit",
         {0.0F, 0.39215687F, 0.003921569F, 0.78431374F, 0.007843138F, 1}},
        {"xception,bytes", {0, 100, 1, 200, 2, 255}},
        {"xception,caffe", {-123.68F, -23.68F, -115.779F, 83.221F, -101.939F, 151.061F}},
        {"timm,bgr,caffe", {-101.939F, 151.061F, -115.779F, 83.221F, -123.68F, -23.68F}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        float chw[6];
        struct ds_prep prep = {.height = 1, .width = 2};
        assert_int_equal(ds_prep_parse(cases[i].text, &prep, NULL), ERR_OK);
        ds_prep_values(&prep, hwc, chw);
        // One step of float32 at that size.
        for (int k = 0; k < 6; k++)
            if (fabsf(chw[k] - cases[i].chw[k]) > 2e-7F * fmaxf(1, fabsf(chw[k])))
                fail_msg("%s: value %d is %.9g, expected %.9g", cases[i].text, k,
                         (double)chw[k], (double)cases[i].chw[k]);
    }
}

static void words_and_back(void **state)
{
    (void)state;
    static const struct {
        const char *text, *back, *key;
    } good[] = {
        {"keras", "keras", "keras/299x299/v1"},
        // What the preset does anyway is not said again, so that the key is the same.
        {"xception,bilinear,resize=342,centred", "xception", "xception/299x299/v1"},
        {"xception,bgr,caffe,squash,opencv", "xception,opencv,squash,caffe,bgr",
         "xception,opencv,squash,caffe,bgr/299x299/v1"},
        {"timm,resize=320,bytes", "timm,resize=320,bytes",
         "timm-0.897,resize=320,bytes/299x299/v1"},
        {"keras,resize=299", "keras,resize=299", "keras,resize=299/299x299/v1"},
        {"ppcls-cv2,nearest,unit", "ppcls-cv2,nearest,unit",
         "ppcls-cv2,nearest,unit/299x299/v1"},
        {"ppcls,bicubic,imagenet", "ppcls,bicubic", "ppcls,bicubic/299x299/v1"},
    };
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", ": no such preset"},
        {"xceptio", "xceptio: no such preset"},
        {"a-name-longer-than-any,bgr", "a-name-longer-than-any: no such preset"},
        {"xception,", ": unknown, expected nearest"},
        {"xception,rgba", "rgba: unknown"},
        {"xception,resize=", "resize=: unknown"},
        {"xception,resize=0", "resize=0: unknown"},
        {"xception,resize=12x", "resize=12x: unknown"},
        {"xception,resize=99999999", "resize=99999999: unknown"},
        {"xception,resize=4294967297", "resize=4294967297: unknown"},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct ds_prep prep = {.height = 299, .width = 299};
        char text[DS_PREP_TEXT_MAX], key[DS_PREP_KEY_MAX];
        assert_int_equal(ds_prep_parse(good[i].text, &prep, NULL), ERR_OK);
        ds_prep_text(&prep, text);
        assert_string_equal(text, good[i].back);
        ds_prep_key(&prep, key);
        assert_string_equal(key, good[i].key);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ds_prep prep = {.height = 299, .width = 299};
        struct err e = {0};
        assert_int_equal(ds_prep_parse(bad[i].text, &prep, &e), ERR_FORMAT);
        assert_non_null(strstr(e.msg, bad[i].says));
    }
}

// Two pixels side by side, squashed or cropped: worked out by hand.
static void another_way_to_the_same_size(void **state)
{
    (void)state;
    uint8_t rgb[] = {10, 20, 30, 200, 210, 220}, hwc[3];
    struct ds_image image = {rgb, 2, 1};
    struct ds_prep prep = {.height = 1, .width = 1};
    assert_int_equal(ds_prep_parse("xception,squash", &prep, NULL), ERR_OK);
    assert_int_equal(ds_prep_pixels(&prep, &image, hwc, NULL), ERR_OK);
    assert_int_equal(hwc[0], 105); // the mean
    assert_int_equal(ds_prep_parse("keras,resize=1", &prep, NULL), ERR_OK);
    assert_int_equal(ds_prep_pixels(&prep, &image, hwc, NULL), ERR_OK);
    assert_int_equal(hwc[0], 10); // begins at 0.5, which is rounded to even
    struct err e = {0};
    prep.height = 2;
    assert_int_equal(ds_prep_pixels(&prep, &image, hwc, &e), ERR_UNSUPPORTED);
    assert_non_null(strstr(e.msg, "resized to 1, expected at least 2"));
}

static void pictures_beyond_use(void **state)
{
    (void)state;
    uint8_t hwc[32 * 32 * 3], *line = mem_array(3, 1 << 20);
    struct ds_image narrow = {line, 1 << 20, 1};
    struct err e = {0};
    struct ds_prep prep = {DS_PRESET_XCEPTION, .height = 32, .width = 32};
    assert_int_equal(ds_prep_pixels(&prep, &narrow, hwc, &e), ERR_IMAGE);
    assert_non_null(strstr(e.msg, "too narrow"));
    prep.preset = DS_PRESET_KERAS;
    assert_int_equal(ds_prep_pixels(&prep, &narrow, hwc, &e), ERR_OK);
    prep = (struct ds_prep){DS_PRESET_TIMM, .height = 32, .width = 32, .crop_pct = 1.5};
    assert_int_equal(ds_prep_pixels(&prep, &narrow, hwc, &e), ERR_UNSUPPORTED);
    prep = (struct ds_prep){DS_PRESET_KERAS, .height = 0, .width = 32};
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
        cmocka_unit_test(values_in_place_of_the_presets),
        cmocka_unit_test(words_and_back),
        cmocka_unit_test(another_way_to_the_same_size),
        cmocka_unit_test(pictures_beyond_use),
        cmocka_unit_test(plain_colours_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

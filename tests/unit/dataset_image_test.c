#include "dataset/dataset.h"
#include "dataset/image.h"

#include "base/file.h"
#include "base/mem.h"

#include "tests/support/tempdir.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct tempdir dir;

static const char *picture(const char *name)
{
    static char path[TEMP_PATH];
    (void)snprintf(path, sizeof path, "%s/pictures/%s", XLENS_TEST_DATA, name);
    return path;
}

static struct file_bytes bytes_of(const char *name)
{
    struct file_bytes bytes;
    struct err e = {0};
    if (file_read(picture(name), 1 << 24, &bytes, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    return bytes;
}

static struct ds_image opened(const char *name, enum ds_decoder as)
{
    struct ds_image image = {0};
    struct err e = {0};
    if (ds_image_open(picture(name), as, &image, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    return image;
}

static void refused(const uint8_t *data, size_t len, const char *message)
{
    struct ds_image image = {0};
    struct err e = {0};
    assert_int_equal(ds_image_decode(data, len, "picture", DS_AS_PILLOW, &image, &e),
                     ERR_IMAGE);
    assert_null(image.rgb);
    if (!strstr(e.msg, message) || strncmp(e.msg, "picture: ", 9) != 0)
        fail_msg("\"%s\" lacks \"%s\"", e.msg, message);
}

static void other_content_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *message;
    } cases[] = {
        {"", 0, "content is empty"},
        {"GIF89a", 6, "content is GIF"},
        {"RIFF\0\0\0\0WEBPVP8 ", 16, "content is WebP"},
        {"BM\0\0", 4, "content is BMP"},
        {"II*\0\10\0", 6, "content is TIFF"},
        {"\0\0\0\x1C"
         "ftypavif",
         12, "content is AVIF"},
        {"\xFF\xD8", 2, "unknown kind"},
        {"hello", 5, "unknown kind"},
        {"<!DOCTYPE html>", 15, "content is HTML"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refused((const uint8_t *)cases[i].bytes, cases[i].len, cases[i].message);
}

// Every prefix of a file is refused and leaves nothing behind; only bytes behind the
// pixels may be missing (the PNG's trailing chunks).
static void every_cut_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"turn6.jpg", "grey.png", "palette.png",
                                        "dot.png"};
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        struct file_bytes bytes = bytes_of(names[n]);
        size_t decoded = 0, last = 0;
        for (size_t len = 0; len < bytes.len; len++) {
            struct ds_image image = {0};
            uint8_t *cut =
                mem_array(len, 1); // of its own, so that a sanitizer sees overreads
            memcpy(cut, bytes.data, len);
            if (ds_image_decode(cut, len, "cut", DS_AS_OPENCV, &image, NULL) == ERR_OK) {
                decoded++;
                last = last ? last : len;
            }
            ds_image_release(&image);
            free(cut);
        }
        bool png = strstr(names[n], ".png") != NULL;
        if (decoded && (!png || last + 32 < bytes.len))
            fail_msg("%s decodes when cut at %zu of %zu", names[n], last, bytes.len);
        file_bytes_release(&bytes);
    }
}

static void cuts_say_where_the_file_ends(void **state)
{
    (void)state;
    struct file_bytes jpeg = bytes_of("vga.jpg"), png = bytes_of("rgb.png");
    refused(jpeg.data, 9000, "truncated: the file ends after 9000 bytes");
    refused(jpeg.data, jpeg.len - 2, "truncated");
    refused(png.data, png.len / 2, "truncated");
    file_bytes_release(&jpeg);
    file_bytes_release(&png);
}

// A change of any byte may be refused or not, but nothing else may happen.
static void flipped_bytes_are_survived(void **state)
{
    (void)state;
    static const char *const names[] = {"progressive.jpg", "cmyk.jpg", "adam7.png",
                                        "deep_grey.png", "palette.png"};
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
        struct file_bytes bytes = bytes_of(names[n]);
        uint8_t *copy = mem_array(bytes.len, 1);
        for (size_t at = 0; at < bytes.len; at += 1 + at / 300) {
            struct ds_image image = {0};
            memcpy(copy, bytes.data, bytes.len);
            copy[at] ^= (uint8_t)(1 << at % 8);
            enum err_code rc =
                ds_image_decode(copy, bytes.len, "flip", DS_AS_PILLOW, &image, NULL);
            assert_true(rc == ERR_OK || rc == ERR_IMAGE);
            assert_true((rc == ERR_OK) == (image.rgb != NULL));
            ds_image_release(&image);
        }
        free(copy);
        file_bytes_release(&bytes);
    }
}

static void orientation_is_opencvs_affair(void **state)
{
    (void)state;
    struct ds_image stored = opened("turn6.jpg", DS_AS_PILLOW);
    struct ds_image upright = opened("turn6.jpg", DS_AS_OPENCV);
    assert_int_equal(stored.width, 40);
    assert_int_equal(stored.height, 25);
    assert_int_equal(upright.width, 25);
    assert_int_equal(upright.height, 40);
    // Turned clockwise: the stored bottom left corner comes to the top left.
    assert_memory_equal(upright.rgb, stored.rgb + (size_t)24 * 40 * 3, 3);
    ds_image_release(&stored);
    ds_image_release(&upright);
}

static void preview_is_scaled_and_upright(void **state)
{
    (void)state;
    static const struct {
        int min_width, min_height, width, height;
    } cases[] = {{60, 60, 80, 60},     {80, 60, 80, 60},    {81, 60, 160, 120},
                 {100, 200, 320, 240}, {321, 10, 640, 480}, {9999, 9999, 640, 480}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ds_image image = {0};
        assert_int_equal(ds_image_preview(picture("vga.jpg"), cases[i].min_width,
                                          cases[i].min_height, &image, NULL),
                         ERR_OK);
        assert_int_equal(image.width, cases[i].width);
        assert_int_equal(image.height, cases[i].height);
        ds_image_release(&image);
    }
    struct ds_image image = {0};
    assert_int_equal(ds_image_preview(picture("turn8.jpg"), 25, 40, &image, NULL),
                     ERR_OK);
    assert_int_equal(image.width, 25);
    assert_int_equal(image.height, 40);
    ds_image_release(&image);
}

static void preview_shows_what_there_is(void **state)
{
    (void)state;
    static const char *const names[] = {"vga.jpg", "rgb.png", "progressive.jpg"};
    for (size_t i = 0; i < 3; i++) {
        struct file_bytes bytes = bytes_of(names[i]);
        const char *cut = tempdir_write_n(&dir, "cut.jpg", bytes.data, bytes.len / 2);
        struct ds_image image = {0}, whole = opened(names[i], DS_AS_PILLOW);
        assert_int_equal(ds_image_preview(cut, whole.width, whole.height, &image, NULL),
                         ERR_OK);
        assert_int_equal(image.width, whole.width);
        if (strcmp(names[i], "progressive.jpg") != 0)
            assert_memory_equal(image.rgb, whole.rgb, (size_t)whole.width * 3 * 8);
        ds_image_release(&image);
        ds_image_release(&whole);
        file_bytes_release(&bytes);
    }
    struct ds_image image = {0};
    assert_int_equal(
        ds_image_preview(tempdir_write(&dir, "no.jpg", "x"), 9, 9, &image, NULL),
        ERR_IMAGE);
    assert_int_equal(ds_image_preview("/nonexistent.jpg", 9, 9, &image, NULL),
                     ERR_MISSING);
}

static void put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void oversized_pictures_are_refused(void **state)
{
    (void)state;
    // rgb.png with other sizes in its header; the checksum is right for the first two.
    struct file_bytes bytes = bytes_of("rgb.png");
    uint8_t *copy = mem_array(bytes.len, 1);
    memcpy(copy, bytes.data, bytes.len);
    put32(copy + 16, 20000);
    put32(copy + 20, 9000);
    put32(copy + 29, 0x6A207E26);
    refused(copy, bytes.len, "20000×9000 pixels, expected at most 178956970");
    put32(copy + 16, 0x7FFFFFFF);
    put32(copy + 29, 0x0);
    refused(copy, bytes.len, "damaged");
    free(copy);
    file_bytes_release(&bytes);
}

static void assert_check(const char *path, enum ds_verdict verdict, const char *reason)
{
    struct ds_check check;
    ds_check_file(path, &check);
    if (check.verdict != verdict || !strstr(check.reason, reason))
        fail_msg("%s: %d \"%s\", expected %d \"%s\"", path, (int)check.verdict,
                 check.reason, (int)verdict, reason);
    assert_true((verdict == DS_OK) == (check.reason[0] == '\0'));
}

static void verdicts(void **state)
{
    (void)state;
    assert_check(picture("rgb.jpg"), DS_OK, "");
    assert_check(picture("grey.jpg"), DS_OK, "");
    assert_check(picture("progressive.jpg"), DS_OK, "");
    assert_check(picture("rgb.png"), DS_OK, "");
    assert_check(picture("turn1.jpg"), DS_OK, "");
    assert_check(picture("turn6.jpg"), DS_ODD, "EXIF orientation 6");
    assert_check(picture("cmyk.jpg"), DS_ODD, "CMYK");
    assert_check(picture("rgba.png"), DS_ODD, "transparency");
    assert_check(picture("palette.png"), DS_ODD, "transparency");
    assert_check(picture("deep_rgb.png"), DS_ODD, "16 bits a sample");
    struct file_bytes png = bytes_of("rgb.png"), jpeg = bytes_of("vga.jpg");
    assert_check(tempdir_write_n(&dir, "p.JPEG", png.data, png.len), DS_ODD,
                 "PNG content under a JPEG name");
    assert_check(tempdir_write_n(&dir, "j.png", jpeg.data, jpeg.len), DS_ODD,
                 "JPEG content under a PNG name");
    const char *cut = tempdir_write_n(&dir, "c.JPEG", jpeg.data, jpeg.len / 2);
    struct ds_check check;
    ds_check_file(cut, &check);
    assert_int_equal(check.width, 640);
    assert_int_equal(check.height, 480);
    assert_check(cut, DS_DAMAGED, "truncated: ");
    assert_check("/nonexistent.jpg", DS_DAMAGED, "cannot open");
    file_bytes_release(&png);
    file_bytes_release(&jpeg);
}

static void planes_hold_each_colour(void **state)
{
    (void)state;
    enum { MOST = 70 }; // several blocks and every remainder
    uint8_t rgb[3 * MOST], chw[3 * MOST + 1];
    for (int i = 0; i < 3 * MOST; i++)
        rgb[i] = (uint8_t)(i * 37 + i / 256);
    for (int n = 1; n <= MOST; n++) {
        const struct ds_image image = {rgb, n, 1};
        chw[3 * n] = 0xA5;
        ds_image_planes(&image, chw);
        for (int c = 0; c < 3; c++)
            for (int i = 0; i < n; i++)
                assert_int_equal(chw[c * n + i], rgb[3 * i + c]);
        assert_int_equal(chw[3 * n], 0xA5);
    }
}

static int set_up(void **state)
{
    (void)state;
    dir = tempdir_make();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tempdir_remove(&dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_content_is_named),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(cuts_say_where_the_file_ends),
        cmocka_unit_test(flipped_bytes_are_survived),
        cmocka_unit_test(orientation_is_opencvs_affair),
        cmocka_unit_test(preview_is_scaled_and_upright),
        cmocka_unit_test(preview_shows_what_there_is),
        cmocka_unit_test(oversized_pictures_are_refused),
        cmocka_unit_test(planes_hold_each_colour),
        cmocka_unit_test(verdicts),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

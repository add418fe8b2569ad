#include "tui/picture/cells.h"
#include "tui/picture/palette.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

// Left half one colour, right half another.
static struct ds_image halves(int w, int h, unsigned left, unsigned right)
{
    struct ds_image image = {malloc((size_t)w * (size_t)h * 3), w, h};
    assert_non_null(image.rgb);
    for (int i = 0; i < w * h; i++) {
        unsigned rgb = i % w < w / 2 ? left : right;
        for (int c = 0; c < 3; c++)
            image.rgb[i * 3 + c] = (uint8_t)(rgb >> (16 - 8 * c));
    }
    return image;
}

static void fit_keeps_proportions_and_the_box(void **state)
{
    (void)state;
    int w, h;
    pic_fit(300, 300, 40, 20, 2, &w, &h);
    assert_int_equal(w, 40);
    assert_int_equal(h, 20);
    pic_fit(500, 375, 40, 40, 2, &w, &h);
    assert_int_equal(w, 40);
    assert_int_equal(h, 15);
    pic_fit(1, 100000, 40, 20, 2, &w, &h);
    assert_int_equal(w, 1);
    assert_int_equal(h, 20);
    pic_fit(100000, 1, 1, 1, 2, &w, &h);
    assert_int_equal(w, 1);
    assert_int_equal(h, 1);
}

// The colour that fills most of a cell.
static int main_color(const struct draw_cell *cell)
{
    return cell->ch == ' ' ? cell->ground : cell->ch == 0x2588 ? cell->ink : cell->ground;
}

static void colors_survive_every_width(void **state)
{
    (void)state;
    // 299 columns of RGB are no whole number of words, which chafa misreads.
    for (int width = 296; width < 304; width++) {
        const struct pic_mode mode = {COLOR_MODE_256, true, 2};
        struct ds_image image = halves(width, 300, 0xd70000, 0x0000d7);
        struct pic pic;
        assert_int_equal(pic_render(&image, 30, 15, &mode, &pic, NULL), ERR_OK);
        assert_int_equal(pic.h, 15);
        assert_int_equal(main_color(&pic.cells[7 * pic.w + 3]), 160);
        assert_int_equal(main_color(&pic.cells[7 * pic.w + pic.w - 4]), 20);
        pic_release(&pic);
        ds_image_release(&image);
    }
}

static void every_mode_stays_in_its_palette(void **state)
{
    (void)state;
    static const struct {
        enum color_mode color;
        int low, high;
    } cases[] = {{COLOR_MODE_MONO, -1, -1},
                 {COLOR_MODE_8, 0, 7},
                 {COLOR_MODE_16, 0, 15},
                 {COLOR_MODE_256, 16, 255}};
    srandom(2);
    struct ds_image image = {malloc(97 * 61 * 3), 97, 61};
    assert_non_null(image.rgb);
    for (int i = 0; i < 97 * 61 * 3; i++)
        image.rgb[i] = (uint8_t)random();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int utf8 = 0; utf8 < 2; utf8++) {
            const struct pic_mode mode = {cases[i].color, utf8 != 0, 2};
            struct pic pic;
            assert_int_equal(pic_render(&image, 33, 17, &mode, &pic, NULL), ERR_OK);
            for (int c = 0; c < pic.w * pic.h; c++) {
                const struct draw_cell *cell = &pic.cells[c];
                assert_in_range(cell->ink + 1, cases[i].low + 1, cases[i].high + 1);
                if (utf8)
                    assert_in_range(cell->ground + 1, cases[i].low + 1,
                                    cases[i].high + 1);
                else
                    assert_in_range(cell->ch, ' ', '~');
            }
            pic_release(&pic);
        }
    ds_image_release(&image);
}

static void density_follows_brightness(void **state)
{
    (void)state;
    const struct pic_mode mode = {COLOR_MODE_MONO, false, 2};
    struct ds_image image = halves(64, 32, 0x000000, 0xffffff);
    struct pic pic;
    assert_int_equal(pic_render(&image, 8, 2, &mode, &pic, NULL), ERR_OK);
    assert_int_equal(pic.cells[0].ch, ' ');
    assert_int_equal(pic.cells[pic.w - 1].ch, '@');
    pic_release(&pic);
    ds_image_release(&image);
}

static void palette_knows_its_own_colors(void **state)
{
    (void)state;
    for (int i = 16; i < 256; i++) {
        short found = palette_nearest(COLOR_MODE_256, palette_rgb(i));
        // Some greys are in the cube as well.
        assert_int_equal(palette_rgb(found), palette_rgb(i));
    }
}

static void text_is_decoded_safely(void **state)
{
    (void)state;
    unsigned code;
    assert_int_equal(draw_decode("", &code), 0);
    assert_int_equal(draw_decode("é", &code), 2);
    assert_int_equal(code, 0xe9);
    static const char *const bad[] = {"\xff",         "\xc0\x80",         "\xe4\xb8",
                                      "\xed\xa0\x80", "\xf5\x80\x80\x80", "\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int n = draw_decode(bad[i], &code);
        assert_true(n >= 1 && n <= (int)strlen(bad[i]));
        assert_int_equal(code, '?');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fit_keeps_proportions_and_the_box),
        cmocka_unit_test(colors_survive_every_width),
        cmocka_unit_test(every_mode_stays_in_its_palette),
        cmocka_unit_test(density_follows_brightness),
        cmocka_unit_test(palette_knows_its_own_colors),
        cmocka_unit_test(text_is_decoded_safely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tui/widget/layout.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool inside(struct rect r, int w, int h)
{
    return r.y >= 0 && r.x >= 0 && r.h >= 0 && r.w >= 0 && r.y + r.h <= h &&
           r.x + r.w <= w;
}

static bool overlap(struct rect a, struct rect b)
{
    return a.h > 0 && a.w > 0 && b.h > 0 && b.w > 0 && a.y < b.y + b.h &&
           b.y < a.y + a.h && a.x < b.x + b.w && b.x < a.x + a.w;
}

static void check(const struct rect *rects, size_t n, int w, int h)
{
    for (size_t i = 0; i < n; i++) {
        if (!inside(rects[i], w, h))
            fail_msg("%dx%d: rectangle %zu leaves the screen: y %d x %d h %d w %d", w, h,
                     i, rects[i].y, rects[i].x, rects[i].h, rects[i].w);
        for (size_t j = 0; j < i; j++)
            if (overlap(rects[i], rects[j]))
                fail_msg("%dx%d: rectangles %zu and %zu overlap", w, h, i, j);
    }
}

static void check_panes(const struct layout_panes *panes, int w, int h)
{
    const struct rect rects[] = {panes->list, panes->divider, panes->picture,
                                 panes->details};
    check(rects, 4, w, h);
}

static void no_size_breaks_the_layout(void **state)
{
    (void)state;
    for (int w = 1; w <= 300; w++)
        for (int h = 1; h <= 100; h++) {
            struct layout layout;
            layout_solve(w, h, &layout);
            const struct rect rects[] = {layout.title, layout.head, layout.body,
                                         layout.info, layout.line};
            check(rects, 5, w, h);
            assert_int_equal(layout.too_small, w < 40 || h < 10);
            if (layout.too_small)
                continue;
            struct layout_panes panes;
            layout_list(layout.body, &panes);
            check_panes(&panes, w, h);
            assert_true(panes.list.h >= 4 && panes.list.w >= 40);
            layout_picture(layout.body, &panes);
            check_panes(&panes, w, h);
            assert_true(panes.picture.h >= 3 && panes.picture.w >= 40);
            struct layout_grid grid;
            layout_grid(layout.body, &grid);
            assert_true(grid.columns >= 1 && grid.rows >= 1);
            assert_true(grid.columns * grid.tile_w <= layout.body.w);
            assert_true(grid.rows * grid.tile_h <= layout.body.h);
        }
}

static void preview_stands_where_there_is_room(void **state)
{
    (void)state;
    struct layout layout;
    struct layout_panes panes;
    layout_solve(100, 30, &layout);
    layout_list(layout.body, &panes);
    assert_true(panes.beside && panes.picture.h > 0);
    layout_solve(80, 24, &layout);
    layout_list(layout.body, &panes);
    assert_true(!panes.beside && panes.picture.h >= 9 && panes.list.h >= 9);
    layout_solve(79, 24, &layout);
    layout_list(layout.body, &panes);
    assert_int_equal(panes.picture.h, 0);
    assert_int_equal(panes.list.h, layout.body.h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_size_breaks_the_layout),
        cmocka_unit_test(preview_stands_where_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

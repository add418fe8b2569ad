#include "tui/widget/cursor.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

static void expect_visible(const struct cursor *cursor, size_t count)
{
    assert_true(count == 0 || cursor->pos < count);
    assert_true(cursor->top <= cursor->pos);
    assert_true(count == 0 || cursor->pos < cursor->top + cursor->rows * cursor->stride);
    assert_int_equal(cursor->top % cursor->stride, 0);
}

static void selection_is_always_on_screen(void **state)
{
    (void)state;
    srandom(1);
    struct cursor cursor = {0};
    for (int i = 0; i < 100000; i++) {
        size_t count = (size_t)(random() % 40);
        size_t rows = (size_t)(random() % 12);
        size_t stride = 1 + (size_t)(random() % 4);
        cursor_move(&cursor, count, (enum move)(random() % (MOVE_LAST + 1)),
                    (size_t)(random() % 5));
        cursor_fit(&cursor, count, rows, stride);
        expect_visible(&cursor, count);
    }
}

static void no_rows_are_wasted_at_the_end(void **state)
{
    (void)state;
    struct cursor cursor = {.pos = 99, .top = 99};
    cursor_fit(&cursor, 100, 10, 1);
    assert_int_equal(cursor.top, 90);
    cursor_fit(&cursor, 100, 30, 1);
    assert_int_equal(cursor.top, 70);
    cursor_fit(&cursor, 20, 30, 1);
    assert_int_equal(cursor.top, 0);
    assert_int_equal(cursor.pos, 19);
}

static void steps_go_as_far_as_they_say(void **state)
{
    (void)state;
    struct cursor cursor = {0};
    cursor_fit(&cursor, 1000, 21, 1);
    cursor_move(&cursor, 1000, MOVE_PAGE_DOWN, 0);
    assert_int_equal(cursor.pos, 20);
    cursor_move(&cursor, 1000, MOVE_HALF_UP, 1);
    assert_int_equal(cursor.pos, 10);
    cursor_move(&cursor, 1000, MOVE_DOWN, 5);
    assert_int_equal(cursor.pos, 15);
    cursor_move(&cursor, 1000, MOVE_DOWN, SIZE_MAX);
    assert_int_equal(cursor.pos, 999);
    cursor_fit(&cursor, 1000, 5, 7);
    cursor_move(&cursor, 1000, MOVE_UP, 1);
    assert_int_equal(cursor.pos, 992);
    cursor_move(&cursor, 1000, MOVE_LEFT, 1);
    assert_int_equal(cursor.pos, 991);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selection_is_always_on_screen),
        cmocka_unit_test(no_rows_are_wasted_at_the_end),
        cmocka_unit_test(steps_go_as_far_as_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

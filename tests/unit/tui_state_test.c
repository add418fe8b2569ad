#include "tui/state.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ITEMS = 40 };

static struct labels *labels;
static struct ds *ds;
static char csv[] = "/tmp/xlens-state-XXXXXX.csv";

// Forty pictures of four classes, in a list; no picture is opened.
static int open_set(void **state)
{
    (void)state;
    static const char *const names[] = {"cup", "fork", "glass", "knife"};
    labels = labels_new(names, NULL, 4);
    int fd = mkstemps(csv, 4);
    FILE *out = fdopen(fd, "w");
    if (!out)
        return 1;
    (void)fprintf(out, "file,label\n");
    for (int i = 0; i < ITEMS; i++)
        (void)fprintf(out, "p%02d.jpg,%s\n", i, names[i % 4]);
    (void)fclose(out);
    struct ds_opts opts = {.labels = labels};
    return ds_open(csv, &opts, &ds, NULL) == ERR_OK ? 0 : 1;
}

static int close_set(void **state)
{
    (void)state;
    ds_close(ds);
    labels_close(labels);
    return unlink(csv);
}

static void put(struct state *state, size_t item, int best, float prob)
{
    const struct row row = {
        .count = 2, .top = {best, (best + 1) % 4}, .prob = {prob, 1 - prob}};
    state_put(state, item, &row);
}

static struct state open_state(void)
{
    struct state state;
    assert_int_equal(state_init(&state, ds, labels, NULL), ERR_OK);
    cursor_fit(&state.cursor, state.count, 10, 1);
    return state;
}

static void confident_errors_come_first(void **unused)
{
    (void)unused;
    struct state state = open_state();
    assert_int_equal(state.view[0], 0); // file order while there is nothing else
    put(&state, 5, 1, 0.9F);            // right
    put(&state, 6, 1, 0.6F);            // wrong
    put(&state, 7, 1, 0.8F);            // wrong, surer
    put(&state, 9, 1, 0.7F);            // right, less sure
    state_refresh(&state);
    static const size_t expected[] = {7, 6, 9, 5, 0};
    assert_memory_equal(state.view, expected, sizeof expected);
    assert_int_equal(state.count, ITEMS);
    assert_int_equal(state.tally.done, 4);
    assert_int_equal(state.tally.top1, 2);
    state_release(&state);
}

static void selection_sticks_to_its_picture(void **unused)
{
    (void)unused;
    struct state state = open_state();
    assert_true(state_select(&state, 20));
    cursor_fit(&state.cursor, state.count, 10, 1);
    srandom(3);
    for (int i = 0; i < 300; i++) {
        size_t line = state.cursor.pos - state.cursor.top;
        put(&state, (size_t)(random() % ITEMS), (int)(random() % 4),
            (float)(random() % 100) / 100);
        state_refresh(&state);
        size_t item;
        assert_true(state_selected(&state, &item));
        assert_int_equal(item, 20);
        // Near neither end it stays on its line of the screen as well.
        if (state.cursor.pos >= 10 && state.cursor.pos < ITEMS - 10)
            assert_int_equal(state.cursor.pos - state.cursor.top, line);
    }
    state_release(&state);
}

static void untouched_selection_stays_at_the_top(void **unused)
{
    (void)unused;
    struct state state = open_state();
    put(&state, 30, 0, 0.9F);
    state_refresh(&state);
    size_t item;
    assert_true(state_selected(&state, &item));
    assert_int_equal(item, 30);
    state_release(&state);
}

static void filters_combine_and_bad_ones_change_nothing(void **unused)
{
    (void)unused;
    struct state state = open_state();
    struct err e = {0};
    for (size_t i = 0; i < ITEMS; i++)
        put(&state, i, 1, 0.5F);
    assert_int_equal(state_set_filter(&state, "class=fork", &e), ERR_OK);
    assert_int_equal(state.count, 10);
    state_set_wrong_only(&state, true);
    assert_int_equal(state.count, 0);
    size_t item;
    assert_false(state_selected(&state, &item));
    assert_int_not_equal(state_set_filter(&state, "class=", &e), ERR_OK);
    assert_string_equal(state.filter_text, "class=fork");
    assert_int_equal(state_set_filter(&state, "", &e), ERR_OK);
    assert_int_equal(state.count, 30);
    state_release(&state);
}

static void tally_follows_replaced_rows(void **unused)
{
    (void)unused;
    struct state state = open_state();
    put(&state, 1, 0, 0.5F);
    put(&state, 1, 1, 0.5F);
    assert_int_equal(state.tally.done, 1);
    assert_int_equal(state.tally.top1, 1);
    char text[] = "truncated";
    const struct row broken = {.error = text};
    state_put(&state, 1, &broken);
    memset(text, 'x', sizeof text - 1); // the state has its own copy
    assert_string_equal(state.set.rows[1].error, "truncated");
    assert_int_equal(state.tally.done, 0);
    assert_int_equal(state.tally.failed, 1);
    assert_int_equal(state.set.rows[1].label, 1);
    state_put(&state, ITEMS, &broken); // not an item: ignored
    state_release(&state);
}

static void marks_are_undone_and_redone(void **unused)
{
    (void)unused;
    struct marks marks;
    const size_t some[] = {1, 2, 3}, more[] = {3, 4};
    assert_true(marks_init(&marks, ITEMS));
    assert_int_equal(marks_undo(&marks), 0);
    assert_int_equal(marks_set(&marks, some, 3, true), 3);
    assert_int_equal(marks_set(&marks, more, 2, true), 1); // 3 has its mark already
    assert_int_equal(marks.count, 4);
    assert_int_equal(marks_undo(&marks), 1);
    assert_true(marks_has(&marks, 3));
    assert_int_equal(marks_undo(&marks), 3);
    assert_int_equal(marks.count, 0);
    assert_int_equal(marks_redo(&marks), 3);
    assert_int_equal(marks_set(&marks, more, 1, false), 1); // ends what could be redone
    assert_int_equal(marks_redo(&marks), 0);
    for (int i = 0; i < 3 * MARKS_UNDO_MAX; i++)
        assert_int_equal(marks_set(&marks, more, 1, i % 2 == 0), 1);
    size_t count;
    size_t *items = marks_items(&marks, &count);
    assert_int_equal(count, 2);
    assert_int_equal(items[0], 1);
    free(items);
    marks_release(&marks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(confident_errors_come_first),
        cmocka_unit_test(selection_sticks_to_its_picture),
        cmocka_unit_test(untouched_selection_stays_at_the_top),
        cmocka_unit_test(filters_combine_and_bad_ones_change_nothing),
        cmocka_unit_test(tally_follows_replaced_rows),
        cmocka_unit_test(marks_are_undone_and_redone),
    };
    return cmocka_run_group_tests(tests, open_set, close_set);
}

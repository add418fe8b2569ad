#include "report/report.h"

#include "base/clock.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct row rows[] = {
    {.file = "b", .label = 3, .count = 2, .top = {7, 1}, .prob = {0.5f, 0.4f}},
    {.file = "a", .label = -1, .count = 2, .top = {2, 1}, .prob = {0.9f, 0.1f}},
    {.file = "ab", .label = 1, .error = "x"},
    {.file = "aa", .label = 3, .count = 2, .top = {2, 1}, .prob = {0.5f, 0.25f}},
    {.file = "b", .label = 0, .count = 1, .top = {7}, .prob = {0.25f}},
    {.file = "\xc3\xa4", .label = 1},
};
enum { ROWS = sizeof rows / sizeof *rows };

static void orders_are_stable(void **state)
{
    (void)state;
    static const struct {
        enum rep_sort sort;
        bool reverse;
        const char *want;
    } cases[] = {
        {REP_SORT_FILE, false, "132045"},       {REP_SORT_FILE, true, "504231"},
        {REP_SORT_CONFIDENCE, false, "103425"}, {REP_SORT_CONFIDENCE, true, "403125"},
        {REP_SORT_LABEL, false, "425031"},      {REP_SORT_LABEL, true, "032541"},
        {REP_SORT_PREDICTED, false, "130425"},  {REP_SORT_PREDICTED, true, "041325"},
        {REP_SORT_MARGIN, false, "034125"},     {REP_SORT_MARGIN, true, "134025"},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        for (int start = 0; start < 2; start++) { // whatever order they come in
            size_t indices[ROWS];
            char got[ROWS + 1] = "";
            for (size_t i = 0; i < ROWS; i++)
                indices[i] = start ? ROWS - 1 - i : i;
            rep_sort(rows, indices, ROWS, cases[c].sort, cases[c].reverse);
            for (size_t i = 0; i < ROWS; i++)
                got[i] = (char)('0' + indices[i]);
            if (strcmp(got, cases[c].want) != 0)
                fail_msg("%s: got %s, want %s", rep_sort_name(cases[c].sort), got,
                         cases[c].want);
        }
    }
}

// As many rows as ImageNet's training set, checked pair by pair; the time is printed.
static void a_million_rows_are_ordered(void **state)
{
    (void)state;
    enum { N = 1300000, NAME = 24 };
    struct row *many = calloc(N, sizeof *many);
    char *names = calloc(N, NAME);
    size_t *indices = calloc(N, sizeof *indices);
    assert_true(many && names && indices);
    srandom(3);
    for (size_t i = 0; i < N; i++) {
        (void)snprintf(names + i * NAME, NAME, "n%04ld/%06ld.JPEG", random() % 1000,
                       random() % 1000000);
        many[i] = (struct row){.file = names + i * NAME,
                               .label = (int)(random() % 1000),
                               .count = (int)(i % 9 > 0) * 2,
                               .top = {(int)(i % 1000)}};
        many[i].prob[0] = (float)(random() % 4096) / 4096.0f;
    }
    for (int sort = 0; sort < REP_SORT_COUNT; sort++) {
        for (size_t i = 0; i < N; i++)
            indices[i] = i;
        double start = clock_now();
        rep_sort(many, indices, N, (enum rep_sort)sort, false);
        print_message("%s: %.2f s\n", rep_sort_name((enum rep_sort)sort),
                      clock_now() - start);
        for (size_t i = 0; i + 1 < N; i++) {
            size_t a = indices[i], b = indices[i + 1];
            const struct row *x = &many[a], *y = &many[b];
            if (sort == REP_SORT_FILE) {
                int order = strcmp(x->file, y->file);
                assert_true(order < 0 || (order == 0 && a < b));
            } else if (sort == REP_SORT_CONFIDENCE && row_done(y)) {
                assert_true(row_done(x));
                assert_true(x->prob[0] > y->prob[0] ||
                            (!(x->prob[0] < y->prob[0]) && a < b));
            }
        }
    }
    free(many);
    free(names);
    free(indices);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_are_stable),
        cmocka_unit_test(a_million_rows_are_ordered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

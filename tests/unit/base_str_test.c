#include "base/file.h"
#include "base/str.h"
#include "base/topk.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

static void numbers_are_whole_strings(void **state)
{
    (void)state;
    long n;
    double d;
    assert_true(str_to_long("12", &n));
    assert_int_equal(n, 12);
    assert_false(str_to_long("12x", &n));
    assert_false(str_to_long("", &n));
    assert_false(str_to_long("99999999999999999999", &n));
    assert_true(str_to_double("0.5", &d));
    assert_false(str_to_double("0.5 ", &d));
}

static void paths_are_folded(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"/a/b", "/a/b"},       {"/a//b/", "/a/b"},       {"/a/./b", "/a/b"},
        {"/a/../b", "/b"},      {"/../..", "/"},          {"/", "/"},
        {"/a/b/../../c", "/c"}, {"/a/..b/c", "/a/..b/c"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *got = file_absolute(cases[i][0]);
        assert_string_equal(got, cases[i][1]);
        free(got);
    }
}

static void stem_stops_at_the_last_dot(void **state)
{
    (void)state;
    assert_int_equal(str_stem_len("a.b.JPEG"), 3);
    assert_int_equal(str_stem_len(".hidden"), 7);
    assert_int_equal(str_stem_len("plain"), 5);
    assert_string_equal(str_basename("x/y.z"), "y.z");
}

static void equal_logits_rank_by_index(void **state)
{
    (void)state;
    const float logits[] = {1, 3, 3, 0, 3};
    struct topk best[3];
    assert_int_equal(topk_softmax(logits, 5, 3, best), 3);
    assert_int_equal(best[0].index, 1);
    assert_int_equal(best[1].index, 2);
    assert_int_equal(best[2].index, 4);
    assert_true(best[0].prob == best[2].prob);
    assert_int_equal(topk_softmax(logits, 2, 3, best), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_whole_strings),
        cmocka_unit_test(paths_are_folded),
        cmocka_unit_test(stem_stops_at_the_last_dot),
        cmocka_unit_test(equal_logits_rank_by_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

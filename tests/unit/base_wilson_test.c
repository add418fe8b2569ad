#include "base/wilson.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// statsmodels.stats.proportion.proportion_confint(hits, n, 0.05, method="wilson"): low
// and high
static void is_statsmodels_interval(void **state)
{
    (void)state;
    static const struct {
        size_t hits, n;
        double low, high;
    } want[] = {
        {0, 10, 0.0, 0.27753279986288927},
        {7, 9, 0.4525889691069889, 0.9367748928821533},
        {79, 100, 0.7002003116591014, 0.858343459380847},
        {39500, 50000, 0.786407640365793, 0.7935478021352029},
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        double centre, half;
        wilson_95(want[i].hits, want[i].n, &centre, &half);
        // Rounding of a few doubles below 1.
        assert_true(fabs(centre - half - want[i].low) <= 1e-14);
        assert_true(fabs(centre + half - want[i].high) <= 1e-14);
    }
}

static void nothing_known_is_all_between(void **state)
{
    (void)state;
    double centre, half;
    wilson_95(0, 0, &centre, &half);
    assert_true(centre - half == 0.0 && centre + half == 1.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_statsmodels_interval),
        cmocka_unit_test(nothing_known_is_all_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

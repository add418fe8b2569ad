#include "engine/model/net.h"
#include "engine/quant/column.h"
#include "engine/quant/descend.h"
#include "engine/quant/gram.h"
#include "engine/quant/histogram.h"
#include "engine/quant/rows.h"
#include "engine/quant/threshold.h"

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

enum { BLOCK = 8 };

static uint32_t state = 1;

static float noise(void) // -1 … 1
{
    state = state * 1664525 + 1013904223;
    return (float)(int32_t)state * 0x1p-31F;
}

static void a_histogram_does_not_depend_on_order(void **unused)
{
    (void)unused;
    enum { N = 3000 };
    static float x[N * BLOCK];
    struct histogram *up = mem_new(BLOCK * sizeof *up),
                     *down = mem_new(BLOCK * sizeof *up);
    for (int i = 0; i < N; i++)
        for (int k = 0; k < BLOCK;
             k++) // growing, so that the range doubles on the way up
            x[i * BLOCK + k] = i % 7 ? noise() * (float)(i + 1) * 0.01F : 0;
    for (int i = 0; i < N; i++) {
        assert_true(histogram_add(up, x + i * BLOCK, 1));
        assert_true(histogram_add(down, x + (N - 1 - i) * BLOCK, 1));
    }
    assert_memory_equal(up, down, BLOCK * sizeof *up);
    assert_int_equal(histogram_count(up), N);
    uint32_t bins[HISTOGRAM_BINS] = {0};
    for (int i = 0; i < N; i++)
        if (x[i * BLOCK] != 0)
            bins[(int)floor((double)x[i * BLOCK] / (double)up->limit * 1024 + 1024)]++;
    assert_memory_equal(bins, up->bins, sizeof bins);
    x[3] = (float)NAN;
    assert_false(histogram_add(up, x, 1));
    x[3] = (float)INFINITY;
    assert_false(histogram_add(up, x, 1));
    assert_int_equal(histogram_count(up), N);
    free(up);
    free(down);
}

// -500 … 1499: order statistics by hand, within a bin of 2048/1024.
static void fill_ramp(struct histogram h[BLOCK])
{
    for (int i = -500; i < 1500; i++) {
        float x[BLOCK];
        for (int k = 0; k < BLOCK; k++)
            x[k] = (float)i;
        assert_true(histogram_add(h, x, 1));
    }
}

static void ranges_end_where_values_do(void **unused)
{
    (void)unused;
    struct histogram *h = mem_new(BLOCK * sizeof *h);
    struct range r = threshold_range(h, ENG_CALIB_KL, 0);
    assert_true(r.low == 0 && r.high == 0);
    struct code dead = threshold_code(r, 255);
    assert_true(dead.scale == 1 && dead.zero == 0);
    fill_ramp(h);
    r = threshold_range(h, ENG_CALIB_MAX, 0);
    assert_true(r.low == -500 && r.high == 1499);
    r = threshold_range(h, ENG_CALIB_PERCENTILE, 100);
    assert_true(r.low == -500 && r.high == 1499);
    r = threshold_range(h, ENG_CALIB_PERCENTILE, 99); // 20 values beyond either end
    assert_true(fabs(r.low - -480) <= 2 && fabs(r.high - 1479) <= 2);
    r = threshold_range(h, ENG_CALIB_KL, 0); // every part of it is as likely
    assert_true(r.low < -475 && r.high > 1425);
    free(h);
}

static void kl_gives_up_a_lone_value(void **unused)
{
    (void)unused;
    struct histogram *h = mem_new(BLOCK * sizeof *h);
    float x[BLOCK] = {0};
    for (int i = 0; i < 200000; i++) {
        x[0] = fabsf(noise());
        assert_true(histogram_add(h, x, 1));
    }
    x[0] = 3.9F;
    assert_true(histogram_add(h, x, 1));
    struct range r = threshold_range(h, ENG_CALIB_KL, 0);
    assert_true(r.low == 0 && r.high > 0.9 && r.high < 2);
    free(h);
}

static void codes_cover_their_range(void **unused)
{
    (void)unused;
    const struct range ranges[] = {{0, 3},    {-1, 0},    {-1, 1},
                                   {-0.3, 7}, {-5, 0.01}, {-1e-30, 1}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        for (int most = 255; most <= 16 * 255; most += 255) {
            struct code c = threshold_code(ranges[i], most);
            double low = ranges[i].low * (double)c.scale + (double)c.zero;
            double high = ranges[i].high * (double)c.scale + (double)c.zero;
            assert_true(c.zero == floorf(c.zero) && c.zero >= 0 && c.zero <= most + 0.0F);
            assert_true(low > -0.51 && high < most + 0.51 && high - low > most - 1.1);
        }
    assert_true(threshold_code(ranges[0], 255).zero == 0);
}

static void rows_go_to_the_widest(void **unused)
{
    (void)unused;
    // Five times the median are 5: 9 is more. Then come 4.5, 4, 3 and so on a row, one
    // after the other, to the end of the block.
    const double sizes[BLOCK] = {9, 4, 1, 1, 1, 1, 1, 1};
    int rows[BLOCK];
    assert_int_equal(rows_deal(sizes, BLOCK, 0, rows), 0);
    assert_int_equal(rows_deal(sizes, BLOCK, 3 * BLOCK, rows), BLOCK);
    assert_true(rows[0] == 7 && rows[1] == 3);
    for (int k = 2; k < BLOCK; k++)
        assert_int_equal(rows[k], 1);
    float in_more[BLOCK];
    rows_place(rows, BLOCK, BLOCK, in_more);
    const float want[BLOCK] = {0, 0, 0, 0, 0, 1, 0, 1}; // three and one in each quad
    assert_memory_equal(in_more, want, sizeof want);

    const double even[BLOCK] = {3, 3, 3, 3, 1, 1, 1, 1}; // 3 is the median then
    assert_int_equal(rows_deal(even, BLOCK, BLOCK, rows), 0);
    const double alone[BLOCK] = {1};
    assert_int_equal(rows_deal(alone, BLOCK, 5 * BLOCK, rows), 2 * BLOCK);
    assert_true(rows[0] == 16 && rows[1] == 2 && rows[2] == 1);
}

// What the rows hold is the channel's number, as far as they reach.
static void rows_add_up_to_the_number(void **unused)
{
    (void)unused;
    float in_more[BLOCK] = {3, 5, 3, 5, 3, 0, 5, 3};
    const struct net_quant q = {.in_more = in_more, .more = BLOCK};
    static const int most[BLOCK] = {2, 1, 1, 5, 1, 4, 1, 1};
    struct net_row rows[2 * BLOCK];
    net_quant_rows(&q, BLOCK, BLOCK, rows);
    for (int number = -5; number < 1400; number++) {
        int sums[BLOCK] = {0};
        for (int r = 0; r < 2 * BLOCK; r++) {
            float part = net_row_part(rows[r], (float)number);
            assert_true(part >= 0 && part <= 255);
            sums[rows[r].channel] += (int)part;
        }
        for (int k = 0; k < BLOCK; k++) {
            int reach = number < 0 ? 0 : number;
            assert_int_equal(sums[k], reach > 255 * most[k] ? 255 * most[k] : reach);
        }
    }
}

static void wide_columns_are_found(void **unused)
{
    (void)unused;
    int8_t rows[BLOCK * 2] = {0};
    // Rows 0, 1, 4, 5 and 2, 3, 6, 7: 128 above and 128 below zero.
    const int8_t fits[BLOCK] = {65, -128, 127, -127, 63, 0, 1, -1};
    for (int k = 0; k < BLOCK; k++)
        rows[2 * k + 1] = fits[k];
    assert_int_equal(net_quant_wide_column(rows, BLOCK, 2), -1);
    for (int k = 0; k < BLOCK; k++) {
        rows[2 * k + 1] = (int8_t)(fits[k] + (fits[k] < 0 ? -1 : 1));
        if (fits[k] != -128) // below which there is none
            assert_int_equal(net_quant_wide_column(rows, BLOCK, 2), 1);
        rows[2 * k + 1] = fits[k];
    }
}

static void columns_keep_the_bounds(void **unused)
{
    (void)unused;
    enum { IN = 37, KINDS = 4 };
    for (int round = 0; round < 400; round++) {
        double w[IN], spread[IN], signal = 0, error = 0;
        int8_t q[IN];
        for (int k = 0; k < IN; k++) {
            bool large =
                round % KINDS == 0 || (round % KINDS == 1 && k < 4) || k % 11 == 3;
            w[k] = (large ? (k % 2 ? -1.0 : 1.0) : (double)noise()) *
                   (round % KINDS == 3 ? 1e-20 : 1);
            spread[k] = round % KINDS == 2 ? (double)fabsf(noise()) : 1;
        }
        float scale = column_quantize(w, spread, IN, q, 1);
        assert_true(scale > 0);
        assert_int_equal(net_quant_wide_column(q, IN, 1), -1);
        for (int k = 0; k < IN; k++) {
            double d = w[k] - (double)scale * q[k];
            signal += spread[k] * w[k] * w[k];
            error += spread[k] * d * d;
        }
        // At half of 127 steps for the largest a rounded column is within (1/64)²/12 of
        // it a weight; few of these have less than a tenth of that in the mean.
        assert_true(error < signal * 1e-3);
    }
    double zero[IN] = {0};
    int8_t none[IN];
    assert_true(column_quantize(zero, zero, IN, none, 1) == 1);
}

static void products_are_those_of_all_pixels(void **unused)
{
    (void)unused;
    enum { CHANNELS = 19, PIXELS = 43 };
    static int16_t x[(PIXELS + GRAM_ROWS) * CHANNELS]; // zero beyond the last pixel
    struct gram forth, back;
    float covariance[CHANNELS * CHANNELS];
    for (int i = 0; i < PIXELS * CHANNELS; i++)
        x[i] = (int16_t)(127 * noise());
    x[0] = x[1] = x[CHANNELS] = x[CHANNELS + 1] = -127; // 2 · 127² in 16 bits
    assert_true(gram_open(&forth, CHANNELS) && gram_open(&back, CHANNELS));
    for (int p = 0; p < PIXELS; p += GRAM_ROWS)
        gram_add(&forth, x + p * CHANNELS,
                 PIXELS - p < GRAM_ROWS ? PIXELS - p : GRAM_ROWS);
    for (int p = PIXELS - 1; p >= 0; p--) {
        int16_t one[GRAM_ROWS * CHANNELS] = {0};
        memcpy(one, x + p * CHANNELS, CHANNELS * sizeof *one);
        gram_add(&back, one, 1);
    }
    assert_int_equal(forth.pixels, PIXELS);
    assert_memory_equal(forth.products, back.products,
                        CHANNELS * (CHANNELS + 1) / 2 * sizeof *back.products);
    gram_covariance(&forth, covariance);
    for (int a = 0; a < CHANNELS; a++)
        for (int b = 0; b < CHANNELS; b++) {
            double mean_a = 0, mean_b = 0, want = 0;
            for (int p = 0; p < PIXELS; p++) {
                mean_a += (double)x[p * CHANNELS + a] / PIXELS;
                mean_b += (double)x[p * CHANNELS + b] / PIXELS;
            }
            for (int p = 0; p < PIXELS; p++)
                want += (x[p * CHANNELS + a] - mean_a) * (x[p * CHANNELS + b] - mean_b);
            assert_true(fabs((double)covariance[a * CHANNELS + b] - want / PIXELS) <
                        1e-2);
        }
    gram_release(&forth);
    gram_release(&back);
}

static double error_of(const double *w, const float *c, int n, double scale,
                       const int8_t *q)
{
    double sum = 0;
    for (int a = 0; a < n; a++)
        for (int b = 0; b < n; b++)
            sum += (w[a] - scale * q[a]) * (double)c[a * n + b] * (w[b] - scale * q[b]);
    return sum;
}

// Inputs that share most of what they say: the errors of rounding shall cancel.
static void weights_are_rounded_together(void **unused)
{
    (void)unused;
    enum { IN = 21 };
    double sum_before = 0, sum_after = 0;
    for (int round = 0; round < 50; round++) {
        double w[IN];
        float c[IN * IN], spread[IN];
        int8_t q[IN];
        double ones[IN];
        for (int k = 0; k < IN; k++) {
            w[k] = (double)noise() * (k % 7 == round % 7 ? 4 : 1);
            spread[k] = 1 + fabsf(noise());
            ones[k] = (double)(spread[k] * spread[k]) * 1.1;
        }
        for (int i = 0; i < IN * IN; i++)
            c[i] = spread[i / IN] * spread[i % IN] * (i / IN == i % IN ? 1.1F : 1);
        float scale = column_quantize(w, ones, IN, q, 1);
        double before = error_of(w, c, IN, (double)scale, q);
        float fitted = descend_column(w, c, IN, scale, q, 1);
        double after = error_of(w, c, IN, (double)fitted, q);
        assert_int_equal(net_quant_wide_column(q, IN, 1), -1);
        assert_true(after <= before * (1 + 1e-6));
        sum_before += before;
        sum_after += after;
        for (int k = 0; k < IN; k++) { // no single step makes it better
            for (int step = -1; step <= 1; step += 2) {
                int8_t other[IN];
                memcpy(other, q, sizeof q);
                other[k] = (int8_t)(other[k] + step);
                if (net_quant_wide_column(other, IN, 1) < 0 && abs(other[k]) <= 127)
                    assert_true(error_of(w, c, IN, (double)fitted, other) > 0.9 * after);
            }
        }
    }
    // Rounding leaves the shared part of 21 independent errors, ten times their own.
    assert_true(sum_after < 0.5 * sum_before);
}

static void an_input_that_never_moves_keeps_its_weight(void **unused)
{
    (void)unused;
    const double w[3] = {0.5, -0.25, 1};
    const float c[9] = {0, 0, 0, 0, 4, 0, 0, 0, 9};
    int8_t q[3] = {63, -32, 127};
    float scale = descend_column(w, c, 3, 1.0F / 127, q, 1);
    assert_true(q[0] == 63 && q[1] == -32 && q[2] == 127);
    assert_true(fabsf(scale * 127 - 1) < 1e-3F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_histogram_does_not_depend_on_order),
        cmocka_unit_test(ranges_end_where_values_do),
        cmocka_unit_test(kl_gives_up_a_lone_value),
        cmocka_unit_test(codes_cover_their_range),
        cmocka_unit_test(rows_go_to_the_widest),
        cmocka_unit_test(rows_add_up_to_the_number),
        cmocka_unit_test(wide_columns_are_found),
        cmocka_unit_test(columns_keep_the_bounds),
        cmocka_unit_test(products_are_those_of_all_pixels),
        cmocka_unit_test(weights_are_rounded_together),
        cmocka_unit_test(an_input_that_never_moves_keeps_its_weight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

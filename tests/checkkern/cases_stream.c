#include "tests/checkkern/cases.h"
#include "tests/checkkern/data.h"

#include "engine/kern/strassen.h"

#include <math.h>
#include <string.h>

enum { ROOM = 6 * 64 };

// One value of M x Mᵀ, x being 6 × 6 with its element i at x(i).
static struct sum sandwich(const double *row, const double *column, const float *x,
                           ptrdiff_t stride)
{
    struct sum s = {0};
    for (int i = 0; i < 36; i++)
        sum_add(&s, row[i / 6] * column[i % 6] * (double)x[i * stride]);
    // Steps of the two dimensions are rounded apart.
    s.terms += 100;
    return s;
}

static bool wino_in_holds(kern_wino_in_f32_fn *fn, int blocks, int bits)
{
    static const double B[6][6] = {{4, 0, -5, 0, 1, 0},  {0, -4, -4, 1, 1, 0},
                                   {0, 4, -4, -1, 1, 0}, {0, -2, -1, 2, 1, 0},
                                   {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}};
    static struct area out;
    const float *const *window = data_window(36, blocks, bits & 2);
    float *dst = area_clear(&out);
    struct kern_wino_in_f32 k = {.dst = dst,
                                 .dst_place = blocks * 20 + 3,
                                 .dst_block = 20,
                                 .in = window,
                                 .blocks = blocks,
                                 .relu = bits & 1};
    fn(&k);
    bool good = true;
    for (int c = 0; c < blocks * 8; c++) {
        float x[36];
        for (int i = 0; i < 36; i++)
            x[i] = data_relu_if(k.relu, window[i][c]);
        for (int p = 0; p < 36; p++) {
            struct sum want = sandwich(B[p / 6], B[p % 6], x, 1);
            float got = area_take(&out, dst + p * k.dst_place + c / 8 * 20 + c % 8);
            good = good && sum_near(got, want, false);
        }
    }
    return good && area_intact(&out);
}

bool case_wino_in_f32(kern_wino_in_f32_fn *fn)
{
    bool good = true;
    for (int blocks = 1; blocks <= 5; blocks++)
        for (int bits = 0; bits < 4; bits++)
            good = good && wino_in_holds(fn, blocks, bits);
    return good;
}

static bool wino_out_holds(kern_wino_out_f32_fn *fn, int rows, int cols, int bits)
{
    static const double A[4][6] = {{1, 1, 1, 1, 1, 0},
                                   {0, 1, -1, 2, -2, 0},
                                   {0, 1, 1, 4, 4, 0},
                                   {0, 1, -1, 8, -8, 1}};
    enum { BLOCKS = 2, PLACE = 24, PIXEL = 21, ROW = 100 };
    static float src[36 * PLACE + 8], bias[32];
    static struct area out;
    const float *from = src + (data_next() & 3), *shift = bias + (data_next() & 3);
    data_fill(src, sizeof src / sizeof *src, bits & 2);
    data_fill(bias, 32, bits & 2);
    float *dst = area_clear(&out);
    fn(&(struct kern_wino_out_f32){.src = from,
                                   .bias = shift,
                                   .dst = dst,
                                   .src_place = PLACE,
                                   .dst_row = ROW,
                                   .dst_pixel = PIXEL,
                                   .rows = rows,
                                   .cols = cols,
                                   .blocks = BLOCKS,
                                   .relu = bits & 1});
    bool good = true;
    for (int i = 0; i < rows * cols * BLOCKS * 8; i++) {
        int c = i % (BLOCKS * 8), x = i / (BLOCKS * 8) % cols,
            y = i / (BLOCKS * 8) / cols;
        struct sum want = sandwich(A[y], A[x], from + c, PLACE);
        sum_add(&want, (double)shift[c]);
        good = good &&
               sum_near(area_take(&out, dst + y * ROW + x * PIXEL + c), want, bits & 1);
    }
    return good && area_intact(&out);
}

bool case_wino_out_f32(kern_wino_out_f32_fn *fn)
{
    bool good = true;
    for (int rows = 1; rows <= 4; rows++)
        for (int cols = 1; cols <= 4; cols++)
            for (int bits = 0; bits < 4; bits++)
                good = good && wino_out_holds(fn, rows, cols, bits);
    return good;
}

// What a piece holds of pair p's channel c, which is one of a half's or behind them.
static float piece_value(int piece, const float *const upper, const float *lower,
                         int half, int c)
{
    float a11 = upper[c], a12 = upper[half + c], a21 = lower[c], a22 = lower[half + c];
    float s1 = a21 + a22, s2 = s1 - a11;
    if (c >= half)
        return piece == KERN_A22 ? a22 : a12;
    switch (piece) {
    case KERN_A11:
        return a11;
    case KERN_A12:
        return a12;
    case KERN_S1:
        return s1;
    case KERN_S2:
        return s2;
    case KERN_S3:
        return a11 - a21;
    case KERN_S4:
        return a12 - s2;
    default:
        return a22;
    }
}

static bool strassen_holds(kern_strassen_f32_fn *fn, int rows, int half, int rest)
{
    enum { PAIRS = 9, LOWER = 10, PIECE = 8 * 8 * PAIRS, CHANNELS = 8 * 8 };
    static float src[CHANNELS * KERN_ROWS_MAX + 3], row[KERN_ROWS_MAX + 1][CHANNELS];
    static struct area out;
    const int blocks = 2 * half + rest, pairs = (rows + 1) / 2;
    size_t off = data_next() & 3;
    float *dst = area_clear(&out);
    struct kern_strassen_f32 k = {.upper_block = 8 * PAIRS,
                                  .lower_block = 8 * LOWER,
                                  .src = src + off,
                                  .rows = rows,
                                  .half = half,
                                  .rest = rest};
    data_fill(src, sizeof src / sizeof *src, false);
    memset(row, 0, sizeof row);
    for (int c = 0; c < 8 * blocks; c++)
        for (int r = 0; r < rows; r++)
            row[r][c] = k.src[(c / 8 * rows + r) * 8 + c % 8];
    for (int p = 0; p < KERN_STRASSEN_PIECES; p++)
        k.dst[p] = dst + (ptrdiff_t)p * PIECE;
    fn(&k);
    bool good = true;
    for (int p = 0; p < KERN_STRASSEN_PIECES; p++) {
        bool lower = p == KERN_A22, longer = lower || p == KERN_A12 || p == KERN_S4;
        for (int c = 0; c < 8 * (half + (longer ? rest : 0)); c++)
            for (int i = 0; i < (lower ? rows / 2 : pairs); i++) {
                float want = piece_value(p, row[2 * i], row[2 * i + 1], 8 * half, c);
                ptrdiff_t block = lower ? k.lower_block : k.upper_block;
                float got = area_take(&out, k.dst[p] + c / 8 * block + 8 * i + c % 8);
                good = good && data_same(got, want);
            }
    }
    return good && area_intact(&out);
}

bool case_strassen_f32(kern_strassen_f32_fn *fn)
{
    bool good = true;
    for (int rows = 1; rows <= KERN_ROWS_MAX; rows++)
        for (int half = 0; half <= 3; half++)
            for (int rest = 1; rest <= 2; rest++)
                good = good && strassen_holds(fn, rows, half, rest);
    return good;
}

static bool maxpool_holds(kern_maxpool_f32_fn *fn, int pixels, int taps, int bits)
{
    static float add[PIXELS_MAX * 32];
    static struct area out;
    enum { BLOCKS = 3 };
    const float *const *window = data_window(pixels * taps, BLOCKS, bits & 4);
    data_fill(add, sizeof add / sizeof *add, bits & 4);
    float *dst = area_clear(&out);
    struct kern_maxpool_f32 k = {.dst = dst,
                                 .add = bits & 1 ? add + (data_next() & 3) : NULL,
                                 .dst_pixel = 8 * BLOCKS + 3,
                                 .add_pixel = 8 * BLOCKS + 1,
                                 .in = window,
                                 .pixels = pixels,
                                 .taps = taps,
                                 .blocks = BLOCKS,
                                 .relu = bits & 2};
    fn(&k);
    bool good = true;
    for (int p = 0; p < pixels; p++)
        for (int c = 0; c < BLOCKS * 8; c++) {
            float want = window[p * taps][c];
            for (int t = 1; t < taps; t++)
                want = fmaxf(want, window[p * taps + t][c]);
            if (k.add)
                want += k.add[p * k.add_pixel + c];
            float got = area_take(&out, dst + p * k.dst_pixel + c);
            good = good && data_same(got, data_relu_if(k.relu, want));
        }
    return good && area_intact(&out);
}

bool case_maxpool_f32(kern_maxpool_f32_fn *fn)
{
    bool good = true;
    for (int pixels = 1; pixels <= PIXELS_MAX; pixels++)
        for (int taps = 1; taps <= 9; taps++)
            for (int bits = 0; bits < 8; bits++)
                good = good && maxpool_holds(fn, pixels, taps, bits);
    return good;
}

static bool affine_holds(kern_affine_f32_fn *fn, int pixels, int bits)
{
    static float src[ROOM], add[ROOM], weight[32], bias[32];
    static struct area out;
    enum { BLOCKS = 2, PIXEL = 8 * BLOCKS + 5 };
    size_t off = data_next() & 3;
    data_fill(src, ROOM, bits & 8);
    data_fill(add, ROOM, bits & 8);
    data_fill(weight, 32, bits & 8);
    data_fill(bias, 32, bits & 8);
    float *dst = area_clear(&out);
    struct kern_affine_f32 k = {.dst = dst,
                                .src = src + off,
                                .weight = bits & 1 ? weight + off : NULL,
                                .bias = bits & 1 ? bias + off : NULL,
                                .add = bits & 2 ? add + off : NULL,
                                .pixels = (size_t)pixels,
                                .pixel = PIXEL,
                                .blocks = BLOCKS,
                                .relu = bits & 4};
    fn(&k);
    bool good = true;
    for (int p = 0; p < pixels; p++)
        for (int c = 0; c < BLOCKS * 8; c++) {
            struct sum want = {0};
            double scale = k.weight ? (double)k.weight[c] : 1;
            sum_add(&want, scale * (double)k.src[p * PIXEL + c]);
            sum_add(&want, k.bias ? (double)k.bias[c] : 0);
            sum_add(&want, k.add ? (double)k.add[p * PIXEL + c] : 0);
            float got = area_take(&out, dst + p * PIXEL + c);
            good = good && sum_near(got, want, k.relu);
        }
    return good && area_intact(&out);
}

bool case_affine_f32(kern_affine_f32_fn *fn)
{
    bool good = true;
    for (int pixels = 0; pixels <= 9; pixels++)
        for (int bits = 0; bits < 16; bits++)
            good = good && affine_holds(fn, pixels, bits);
    return good;
}

bool case_sum_f32(kern_sum_f32_fn *fn)
{
    static float src[64 * 20 + 8];
    static struct area out;
    bool good = true;
    for (int pixels = 1; pixels <= 64; pixels++)
        for (int blocks = 1; blocks <= 2; blocks++) {
            const float *from = src + (data_next() & 3);
            data_fill(src, sizeof src / sizeof *src, pixels & 1);
            float *dst = area_clear(&out);
            fn(&(struct kern_sum_f32){.dst = dst,
                                      .src = from,
                                      .pixels = (size_t)pixels,
                                      .pixel = 20,
                                      .scale = 0.25F,
                                      .blocks = blocks});
            for (int c = 0; c < blocks * 8; c++) {
                struct sum want = {0};
                for (int p = 0; p < pixels; p++)
                    sum_add(&want, 0.25 * (double)from[p * 20 + c]);
                good = good && sum_near(area_take(&out, dst + c), want, false);
            }
            good = good && area_intact(&out);
        }
    return good;
}

bool case_peak_f32(kern_peak_f32_fn *fn)
{
    float sink = 1;
    double flops = fn(1000, &sink);
    return flops >= 1000 * 6 * 2 && isfinite(sink);
}

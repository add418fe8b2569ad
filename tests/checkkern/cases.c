#include "tests/checkkern/cases.h"
#include "tests/checkkern/data.h"

#include <stdio.h>
#include <string.h>

enum { ROOM = KERN_ROWS_MAX * 64, BLOCKS_MAX = 9, DW_TAPS_MAX = 25 };

struct gemm_shape {
    int blocks, rows, cols;
    bool add, relu, extreme;
};

static bool gemm_shape_holds(kern_gemm_f32_fn *fn, struct gemm_shape s)
{
    static float a[BLOCKS_MAX * 8 * KERN_ROWS_MAX + 8], bias[KERN_COLS_MAX + 8],
        add[ROOM];
    static _Alignas(64) float b[BLOCKS_MAX * 8 * KERN_COLS_MAX];
    static struct area out;
    size_t off = data_next() & 3;
    data_fill(a, sizeof a / sizeof *a, s.extreme);
    data_fill(b, sizeof b / sizeof *b, s.extreme);
    data_fill(bias, sizeof bias / sizeof *bias, s.extreme);
    data_fill(add, sizeof add / sizeof *add, s.extreme);
    float *c = area_clear(&out);
    struct kern_gemm_f32 k = {.a = a + off,
                              .b = b,
                              .bias = bias + off,
                              .add = s.add ? add + off : NULL,
                              .c = c,
                              .add_stride = s.cols + 3,
                              .c_stride = s.cols + 5,
                              .blocks = s.blocks,
                              .rows = s.rows,
                              .cols = s.cols,
                              .relu = s.relu};
    fn(&k);
    bool good = true;
    for (int r = 0; r < s.rows; r++)
        for (int j = 0; j < s.cols; j++) {
            struct sum want = {0};
            sum_add(&want, (double)k.bias[j]);
            for (int i = 0; i < s.blocks * 8; i++)
                sum_add(&want, (double)k.a[(i / 8 * s.rows + r) * 8 + i % 8] *
                                   (double)b[i * s.cols + j]);
            if (s.add)
                sum_add(&want, (double)k.add[r * k.add_stride + j]);
            good =
                good && sum_near(area_take(&out, c + r * k.c_stride + j), want, s.relu);
        }
    return good && area_intact(&out);
}

// A row has the same bits in a tile of any height and width.
static bool gemm_rows_agree(kern_gemm_f32_fn *fn, int rows, int cols)
{
    enum { K = 5 * 8, TILE = KERN_ROWS_MAX * KERN_COLS_MAX };
    static float full[K * KERN_ROWS_MAX], part[K * KERN_ROWS_MAX], want[TILE], got[TILE];
    static float bias[KERN_COLS_MAX];
    static _Alignas(64) float b[K * KERN_COLS_MAX], narrow[K * KERN_COLS_MAX];
    const int most = case_kernel.rows, wide = case_kernel.cols;
    data_fill(full, K * KERN_ROWS_MAX, false);
    data_fill(b, K * KERN_COLS_MAX, false);
    data_fill(bias, KERN_COLS_MAX, false);
    for (int i = 0; i < K; i++) {
        memcpy(narrow + i * cols, b + i * wide, (size_t)cols * sizeof *b);
        for (int r = 0; r < rows; r++)
            part[(i / 8 * rows + r) * 8 + i % 8] = full[(i / 8 * most + r) * 8 + i % 8];
    }
    fn(&(struct kern_gemm_f32){.a = full,
                               .b = b,
                               .bias = bias,
                               .c = want,
                               .c_stride = wide,
                               .blocks = K / 8,
                               .rows = most,
                               .cols = wide});
    fn(&(struct kern_gemm_f32){.a = part,
                               .b = narrow,
                               .bias = bias,
                               .c = got,
                               .c_stride = wide,
                               .blocks = K / 8,
                               .rows = rows,
                               .cols = cols});
    for (int r = 0; r < rows; r++)
        if (memcmp(want + r * wide, got + r * wide, (size_t)cols * sizeof *got) != 0) {
            printf("  %dx%d: other bits than %dx%d\n", rows, cols, most, wide);
            return false;
        }
    return true;
}

bool case_gemm_f32(kern_gemm_f32_fn *fn)
{
    bool good = true;
    for (int rows = 1; rows <= case_kernel.rows; rows++)
        for (int cols = 8; cols <= case_kernel.cols; cols += 8) {
            good = good && gemm_rows_agree(fn, rows, cols);
            for (int blocks = 0; blocks <= BLOCKS_MAX; blocks++)
                for (int bits = 0; bits < 8; bits++)
                    good = good && gemm_shape_holds(fn, (struct gemm_shape){
                                                            blocks, rows, cols, bits & 1,
                                                            bits & 2, bits & 4});
        }
    return good;
}

static bool gather_holds(kern_gather_f32_fn *fn, int pixels, int taps, bool relu)
{
    static struct area out;
    int blocks = 1 + (int)(data_next() % 3);
    const float *const *window = data_window(pixels * taps, blocks, relu);
    float *dst = area_clear(&out);
    struct kern_gather_f32 k = {.dst = dst,
                                .dst_pixel = 8,
                                .dst_block = pixels * 8 + 8,
                                .in = window,
                                .pixels = pixels,
                                .taps = taps,
                                .blocks = blocks,
                                .relu = relu};
    fn(&k);
    bool good = true;
    for (int p = 0; p < pixels; p++)
        for (int i = 0; i < taps * blocks * 8; i++) {
            float got = area_take(&out, dst + p * 8 + i / 8 * k.dst_block + i % 8);
            float want = window[p * taps + i / 8 / blocks][i % (8 * blocks)];
            good = good && data_same(got, data_relu_if(relu, want));
        }
    return good && area_intact(&out);
}

bool case_gather_f32(kern_gather_f32_fn *fn)
{
    bool good = true;
    for (int pixels = 1; pixels <= KERN_ROWS_MAX; pixels++)
        for (int taps = 1; taps <= 9; taps++)
            good = good && gather_holds(fn, pixels, taps, false) &&
                   gather_holds(fn, pixels, taps, true);
    return good;
}

struct dw_shape {
    int pixels, taps, blocks;
    bool slides; // pointers are columns of three that neighbours share
    int bits;    // relu_in, relu_out, extreme
};

static bool dw_holds(kern_dw_f32_fn *fn, struct dw_shape s)
{
    static float weight[BLOCKS_MAX * DW_TAPS_MAX * 8 + 8], bias[BLOCKS_MAX * 8 + 8];
    static struct area out;
    size_t off = data_next() & 3;
    const float *const *window = data_window(
        s.slides ? (s.pixels + 2) * 3 : s.pixels * s.taps, s.blocks, s.bits & 4);
    data_fill(weight, sizeof weight / sizeof *weight, s.bits & 4);
    data_fill(bias, sizeof bias / sizeof *bias, s.bits & 4);
    float *dst = area_clear(&out);
    struct kern_dw_f32 k = {.dst = dst,
                            .dst_pixel = 8,
                            .dst_block = s.pixels * 8 + 8,
                            .in = window,
                            .weight = weight + off,
                            .bias = bias + off,
                            .pixels = s.pixels,
                            .taps = s.taps,
                            .blocks = s.blocks,
                            .relu_in = s.bits & 1,
                            .relu_out = s.bits & 2};
    fn(&k);
    bool good = true;
    for (int p = 0; p < s.pixels; p++)
        for (int c = 0; c < s.blocks * 8; c++) {
            struct sum want = {0};
            sum_add(&want, (double)k.bias[c]);
            for (int t = 0; t < s.taps; t++) {
                // Row-major taps; columns hold the three rows of one place.
                int at = s.slides ? (p + t % 3) * 3 + t / 3 : p * s.taps + t;
                float x = data_relu_if(k.relu_in, window[at][c]);
                sum_add(&want,
                        (double)x * (double)k.weight[(c / 8 * s.taps + t) * 8 + c % 8]);
            }
            float got = area_take(&out, dst + p * 8 + c / 8 * k.dst_block + c % 8);
            good = good && sum_near(got, want, k.relu_out);
        }
    return good && area_intact(&out);
}

bool case_dw3x3_f32(kern_dw3x3_f32_fn *fn)
{
    bool good = true;
    for (int pixels = 1; pixels <= PIXELS_MAX; pixels++)
        for (int blocks = 1; blocks <= 4; blocks++)
            for (int bits = 0; bits < 8; bits++)
                good = good &&
                       dw_holds(fn, (struct dw_shape){pixels, 9, blocks, true, bits});
    return good;
}

bool case_dw_f32(kern_dw_f32_fn *fn)
{
    bool good = true;
    for (int pixels = 1; pixels <= PIXELS_MAX; pixels++)
        for (int taps = 1; taps <= DW_TAPS_MAX; taps++)
            for (int bits = 0; bits < 8; bits++)
                good =
                    good && dw_holds(fn, (struct dw_shape){pixels, taps, 3, false, bits});
    return good;
}

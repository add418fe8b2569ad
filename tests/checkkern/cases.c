#include "tests/checkkern/cases.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// Arrays are larger than any case needs, and every output stands between guard zones.
enum { GUARD = 32, ROOM = 6 * 64, TAPS_MAX = 25, BLOCKS_MAX = 9, PIXELS_MAX = 8 };

static const float guard_value = -12345.5F;
static uint32_t state;

void cases_seed(uint32_t seed)
{
    state = seed * 2654435761U + 1;
}

static uint32_t next(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static void fill(float *x, size_t n, bool extreme)
{
    static const float edge[] = {0, -0.0F, 1, -1, 1e-40F, -1e-40F, 1e15F, -1e15F};
    for (size_t i = 0; i < n; i++)
        x[i] = extreme ? edge[next() & 7] : (float)(int32_t)next() * 0x1p-31F;
}

static float relu_if(bool relu, float x)
{
    return relu && !(x > 0) ? 0 : x;
}

// A sum in double precision with the size that bounds the error of a float one.
struct sum {
    double value, size;
    int terms;
};

static void sum_add(struct sum *s, double x)
{
    s->value += x;
    s->size += fabs(x);
    s->terms++;
}

static bool near(const char *what, float got, struct sum want, bool relu)
{
    double value = relu && want.value < 0 ? 0 : want.value;
    // Each term rounds once or twice; results below the normal range lose all bits.
    double bound = 0x1p-23 * (want.terms + 2) * want.size + 1e-37;
    if (fabs((double)got - value) <= bound)
        return true;
    printf("  %s: got %.9g, want %.9g ± %.2g\n", what, (double)got, value, bound);
    return false;
}

static bool same(const char *what, float got, float want)
{
    if (got == want)
        return true;
    printf("  %s: got %.9g, want %.9g\n", what, (double)got, (double)want);
    return false;
}

// An output area: guard values everywhere, a mark for what the case has looked at.
struct area {
    float x[GUARD + 4096 + GUARD];
    bool seen[GUARD + 4096 + GUARD];
};

static float *area_clear(struct area *a, size_t misalign)
{
    for (size_t i = 0; i < sizeof a->x / sizeof a->x[0]; i++) {
        a->x[i] = guard_value;
        a->seen[i] = false;
    }
    return a->x + GUARD + misalign;
}

static float area_take(struct area *a, const float *p)
{
    a->seen[p - a->x] = true;
    return *p;
}

static bool area_intact(const struct area *a)
{
    for (size_t i = 0; i < sizeof a->x / sizeof a->x[0]; i++)
        if (!a->seen[i] && a->x[i] != guard_value) {
            printf("  writes outside of its output\n");
            return false;
        }
    return true;
}

struct gemm_shape {
    int blocks, rows, cols;
    bool add, relu, extreme;
};

static bool gemm_shape_holds(kern_gemm_f32_fn *fn, struct gemm_shape s)
{
    static float a[BLOCKS_MAX * 8 * 8 + 8], bias[24], add[ROOM];
    static _Alignas(64) float b[BLOCKS_MAX * 8 * 16];
    static struct area out;
    size_t off = next() & 3;
    fill(a, sizeof a / sizeof *a, s.extreme);
    fill(b, sizeof b / sizeof *b, s.extreme);
    fill(bias, sizeof bias / sizeof *bias, s.extreme);
    fill(add, sizeof add / sizeof *add, s.extreme);
    float *c = area_clear(&out, off);
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
            good = good &&
                   near("value", area_take(&out, c + r * k.c_stride + j), want, s.relu);
        }
    return good && area_intact(&out);
}

// A row has the same bits in a tile of any height and width.
static bool gemm_rows_agree(kern_gemm_f32_fn *fn, int rows, int cols)
{
    enum { K = 5 * 8 };
    static float full[K * 6], part[K * 6], want[6 * 16], got[6 * 16], bias[16];
    static _Alignas(64) float b[K * 16], narrow[K * 8];
    fill(full, K * 6, false);
    fill(b, K * 16, false);
    fill(bias, 16, false);
    for (int i = 0; i < K; i++) {
        memcpy(narrow + i * 8, b + i * 16, 8 * sizeof *b);
        for (int r = 0; r < rows; r++)
            part[(i / 8 * rows + r) * 8 + i % 8] = full[(i / 8 * 6 + r) * 8 + i % 8];
    }
    fn(&(struct kern_gemm_f32){.a = full,
                               .b = b,
                               .bias = bias,
                               .c = want,
                               .c_stride = 16,
                               .blocks = K / 8,
                               .rows = 6,
                               .cols = 16});
    fn(&(struct kern_gemm_f32){.a = part,
                               .b = cols == 16 ? b : narrow,
                               .bias = bias,
                               .c = got,
                               .c_stride = 16,
                               .blocks = K / 8,
                               .rows = rows,
                               .cols = cols});
    for (int r = 0; r < rows; r++)
        if (memcmp(want + r * 16, got + r * 16, (size_t)cols * sizeof *got) != 0) {
            printf("  %dx%d: other bits than 6x16\n", rows, cols);
            return false;
        }
    return true;
}

bool case_gemm_f32(kern_gemm_f32_fn *fn)
{
    bool good = true;
    for (int rows = 1; rows <= KERN_ROWS; rows++)
        for (int cols = 8; cols <= KERN_COLS; cols += 8) {
            good = good && gemm_rows_agree(fn, rows, cols);
            for (int blocks = 0; blocks <= BLOCKS_MAX; blocks++)
                for (int bits = 0; bits < 8; bits++)
                    good = good && gemm_shape_holds(fn, (struct gemm_shape){
                                                            blocks, rows, cols, bits & 1,
                                                            bits & 2, bits & 4});
        }
    return good;
}

// Pixels for window pointers, chosen at random, and a buffer that they lie in.
static float pixel_pool[4096];
static const float *window[(PIXELS_MAX + 2) * TAPS_MAX];

static void fill_window(int pointers, int blocks, bool extreme)
{
    size_t last = sizeof pixel_pool / sizeof *pixel_pool - (size_t)blocks * 8;
    fill(pixel_pool, sizeof pixel_pool / sizeof *pixel_pool, extreme);
    for (int i = 0; i < pointers; i++)
        window[i] = pixel_pool + next() % last;
}

static bool gather_holds(kern_gather_f32_fn *fn, int pixels, int taps, bool relu)
{
    static struct area out;
    int blocks = 1 + (int)(next() % 3);
    fill_window(pixels * taps, blocks, relu);
    float *dst = area_clear(&out, next() & 3);
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
            good = good && same("value", got, relu_if(relu, want));
        }
    return good && area_intact(&out);
}

bool case_gather_f32(kern_gather_f32_fn *fn)
{
    bool good = true;
    for (int pixels = 1; pixels <= KERN_ROWS; pixels++)
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
    static float weight[BLOCKS_MAX * TAPS_MAX * 8 + 8], bias[BLOCKS_MAX * 8 + 8];
    static struct area out;
    size_t off = next() & 3;
    fill_window(s.slides ? (s.pixels + 2) * 3 : s.pixels * s.taps, s.blocks, s.bits & 4);
    fill(weight, sizeof weight / sizeof *weight, s.bits & 4);
    fill(bias, sizeof bias / sizeof *bias, s.bits & 4);
    float *dst = area_clear(&out, off);
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
                float x = relu_if(k.relu_in, window[at][c]);
                sum_add(&want,
                        (double)x * (double)k.weight[(c / 8 * s.taps + t) * 8 + c % 8]);
            }
            float got = area_take(&out, dst + p * 8 + c / 8 * k.dst_block + c % 8);
            good = good && near("value", got, want, k.relu_out);
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
        for (int taps = 1; taps <= TAPS_MAX; taps++)
            for (int bits = 0; bits < 8; bits++)
                good =
                    good && dw_holds(fn, (struct dw_shape){pixels, taps, 3, false, bits});
    return good;
}

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
    fill_window(36, blocks, bits & 2);
    float *dst = area_clear(&out, next() & 3);
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
            x[i] = relu_if(k.relu, window[i][c]);
        for (int p = 0; p < 36; p++) {
            struct sum want = sandwich(B[p / 6], B[p % 6], x, 1);
            float got = area_take(&out, dst + p * k.dst_place + c / 8 * 20 + c % 8);
            good = good && near("value", got, want, false);
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
    const float *from = src + (next() & 3), *shift = bias + (next() & 3);
    fill(src, sizeof src / sizeof *src, bits & 2);
    fill(bias, 32, bits & 2);
    float *dst = area_clear(&out, next() & 3);
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
        good = good && near("value", area_take(&out, dst + y * ROW + x * PIXEL + c), want,
                            bits & 1);
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

static bool maxpool_holds(kern_maxpool_f32_fn *fn, int pixels, int taps, int bits)
{
    static float add[PIXELS_MAX * 32];
    static struct area out;
    enum { BLOCKS = 3 };
    fill_window(pixels * taps, BLOCKS, bits & 4);
    fill(add, sizeof add / sizeof *add, bits & 4);
    float *dst = area_clear(&out, next() & 3);
    struct kern_maxpool_f32 k = {.dst = dst,
                                 .add = bits & 1 ? add + (next() & 3) : NULL,
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
            good = good && same("value", got, relu_if(k.relu, want));
        }
    return good && area_intact(&out);
}

bool case_maxpool_f32(kern_maxpool_f32_fn *fn)
{
    bool good = true;
    for (int pixels = 1; pixels <= KERN_ROWS; pixels++)
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
    size_t off = next() & 3;
    fill(src, ROOM, bits & 8);
    fill(add, ROOM, bits & 8);
    fill(weight, 32, bits & 8);
    fill(bias, 32, bits & 8);
    float *dst = area_clear(&out, off);
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
            good = good && near("value", got, want, k.relu);
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
            const float *from = src + (next() & 3);
            fill(src, sizeof src / sizeof *src, pixels & 1);
            float *dst = area_clear(&out, next() & 3);
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
                good = good && near("value", area_take(&out, dst + c), want, false);
            }
            good = good && area_intact(&out);
        }
    return good;
}

bool case_peak_f32(kern_peak_f32_fn *fn)
{
    float sink = 1;
    double flops = fn(1000, &sink);
    return flops >= 1000 * 10 * 2 && isfinite(sink);
}

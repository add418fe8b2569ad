#include "tests/checkkern/cases.h"
#include "tests/checkkern/data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS_MAX = 9, K_MAX = BLOCKS_MAX * 8, TILE = KERN_ROWS_MAX * KERN_COLS_MAX };

// The two sides of a GEMM as numbers, and as a family's panels.
struct sides {
    double a[KERN_ROWS_MAX][K_MAX], b[K_MAX][KERN_COLS_MAX];
    _Alignas(64) char left[K_MAX * KERN_ROWS_MAX * sizeof(float) + 64];
    _Alignas(64) char right[K_MAX * KERN_COLS_MAX * sizeof(float)];
};

static float any_float(bool extreme)
{
    float x;
    data_fill(&x, 1, extreme);
    return x;
}

static float bf16_value(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    // The instructions take denormals for zero.
    bits = (bits & 0x7f800000) ? bits & 0xffff0000 : 0;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static double left_value(enum kern_element element, bool extreme)
{
    if (element == KERN_U8)
        return extreme ? data_next() % 2 * 255 : data_next() % 256;
    float x = any_float(extreme);
    return (double)(element == KERN_BF16 ? bf16_value(x) : x);
}

// For KERN_U8 at random, then lowered to what kern.h allows; at the extremes all that it
// allows, and of one sign.
static void fill_quad(struct sides *s, int k, int j, bool extreme)
{
    static const int rows[] = {0, 1, 4, 5};
    int left[2] = {128, 128}; // of each sign
    const int sign = data_next() & 1 ? 1 : -1;
    for (int i = 0; i < 4; i++) {
        int w = extreme ? 127 * sign : (int)(data_next() % 255) - 127;
        int *room = &left[w < 0];
        w = abs(w) <= *room ? w : w < 0 ? -*room : *room;
        *room -= abs(w);
        s->b[k + rows[i]][j] = w;
    }
}

static void fill_right_u8(struct sides *s, int blocks, bool extreme)
{
    for (int j = 0; j < KERN_COLS_MAX; j++)
        for (int k = 0; k < blocks * 8; k += 8) {
            fill_quad(s, k, j, extreme);
            fill_quad(s, k + 2, j, extreme);
        }
}

static void fill(struct sides *s, enum kern_element element, int blocks, bool extreme)
{
    for (int r = 0; r < KERN_ROWS_MAX; r++)
        for (int k = 0; k < blocks * 8; k++)
            s->a[r][k] = left_value(element, extreme);
    for (int k = 0; element != KERN_U8 && k < blocks * 8; k++)
        for (int j = 0; j < KERN_COLS_MAX; j++)
            s->b[k][j] = left_value(element, extreme);
    if (element == KERN_U8)
        fill_right_u8(s, blocks, extreme);
}

static void store(char *to, size_t at, enum kern_element element, double x)
{
    float value = (float)x;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t half = (uint16_t)(bits >> 16);
    if (element == KERN_F32)
        memcpy(to + at * sizeof value, &value, sizeof value);
    else if (element == KERN_BF16)
        memcpy(to + at * sizeof half, &half, sizeof half);
    else
        to[at] = (char)(int)x;
}

// Panels of the first rows and columns; `left` may stand anywhere.
static void pack(struct sides *s, enum kern_element element, int blocks, int rows,
                 int cols, char *left)
{
    size_t unit = sizeof(float) / kern_element_size(element);
    for (int k = 0; k < blocks * 8; k++) {
        for (int r = 0; r < rows; r++)
            store(left, (size_t)((k / 8 * rows + r) * 8 + k % 8), element, s->a[r][k]);
        for (int j = 0; j < cols; j++)
            store(s->right,
                  ((size_t)k / unit * (size_t)cols + (size_t)j) * unit + (size_t)k % unit,
                  element, s->b[k][j]);
    }
}

struct shape {
    enum kern_element element;
    int blocks, rows, cols;
    bool add, relu, extreme;
    int formed; // blocks of b
};

// Differences in place of the first blocks of b, which the kernel shall find spoilt.
struct formed {
    _Alignas(64) float of[K_MAX * KERN_COLS_MAX], less[K_MAX * KERN_COLS_MAX];
};

static void form(struct sides *s, struct formed *f, struct shape shape)
{
    const int floats = shape.formed * 8 * shape.cols;
    data_fill(f->of, (size_t)floats, false);
    data_fill(f->less, (size_t)floats, false);
    for (int i = 0; i < floats; i++)
        s->b[i / shape.cols][i % shape.cols] = (double)(f->of[i] - f->less[i]);
    memset(s->right, 0xff, (size_t)floats * sizeof *f->of);
}

// One bias for all rows, or another each.
static int bias_stride(struct shape s)
{
    return s.element != KERN_U8 && s.blocks % 2 ? s.cols + 1 : 0;
}

static bool shape_holds(kern_gemm_fn *fn, struct shape s)
{
    static float bias[2 * TILE], scale[KERN_COLS_MAX + 8], add[2 * TILE];
    static struct sides sides;
    static struct formed formed;
    static struct area out;
    size_t off = data_next() & 3;
    fill(&sides, s.element, s.blocks, s.extreme);
    char *left = sides.left + 4 * off;
    pack(&sides, s.element, s.blocks, s.rows, s.cols, left);
    form(&sides, &formed, s);
    data_fill(bias, sizeof bias / sizeof *bias, s.extreme);
    data_fill(scale, sizeof scale / sizeof *scale, false);
    data_fill(add, sizeof add / sizeof *add, s.extreme);
    float *c = area_clear(&out);
    struct kern_gemm k = {.a = left,
                          .b = sides.right,
                          .scale = scale + off,
                          .bias = bias + off,
                          .add = s.add ? add + off : NULL,
                          .c = c,
                          .add_stride = s.cols + 3,
                          .c_stride = s.cols + 5,
                          .bias_stride = bias_stride(s),
                          .of = formed.of,
                          .less = formed.less,
                          .formed = s.formed,
                          .blocks = s.blocks,
                          .rows = s.rows,
                          .cols = s.cols,
                          .relu = s.relu};
    fn(&k);
    bool good = true;
    for (int r = 0; r < s.rows; r++)
        for (int j = 0; j < s.cols; j++) {
            struct sum want = {0};
            double unit = s.element == KERN_U8 ? (double)k.scale[j] : 1, exact = 0;
            for (int i = 0; i < s.blocks * 8 && s.element != KERN_U8; i++)
                sum_add(&want, sides.a[r][i] * sides.b[i][j]);
            for (int i = 0; i < s.blocks * 8 && s.element == KERN_U8; i++)
                exact += sides.a[r][i] * sides.b[i][j];
            sum_add(&want, exact * unit);
            sum_add(&want, (double)k.bias[r * k.bias_stride + j]);
            if (s.add)
                sum_add(&want, (double)k.add[r * k.add_stride + j]);
            good =
                good && sum_near(area_take(&out, c + r * k.c_stride + j), want, s.relu);
        }
    return good && area_intact(&out);
}

// A row has the same bits in a tile of any height and width.
static bool rows_agree(kern_gemm_fn *fn, enum kern_element element, int rows, int cols)
{
    enum { BLOCKS = 5 };
    static float want[TILE], got[TILE], bias[KERN_COLS_MAX], scale[KERN_COLS_MAX];
    static struct sides sides;
    const int most = case_kernel.rows, wide = case_kernel.cols;
    fill(&sides, element, BLOCKS, false);
    data_fill(bias, KERN_COLS_MAX, false);
    data_fill(scale, KERN_COLS_MAX, false);
    struct kern_gemm k = {.a = sides.left,
                          .b = sides.right,
                          .scale = scale,
                          .bias = bias,
                          .c = want,
                          .c_stride = wide,
                          .blocks = BLOCKS,
                          .rows = most,
                          .cols = wide};
    pack(&sides, element, BLOCKS, most, wide, sides.left);
    fn(&k);
    k.c = got;
    k.rows = rows;
    k.cols = cols;
    pack(&sides, element, BLOCKS, rows, cols, sides.left);
    fn(&k);
    for (int r = 0; r < rows; r++)
        if (memcmp(want + r * wide, got + r * wide, (size_t)cols * sizeof *got) != 0) {
            printf("  %dx%d: other bits than %dx%d\n", rows, cols, most, wide);
            return false;
        }
    return true;
}

static bool gemm(kern_gemm_fn *fn, enum kern_element element)
{
    bool good = true;
    for (int rows = 1; rows <= case_kernel.rows; rows++)
        for (int cols = 8; cols <= case_kernel.cols; cols += 8) {
            good = good && rows_agree(fn, element, rows, cols);
            for (int blocks = 0; blocks <= BLOCKS_MAX; blocks++)
                for (int bits = 0; bits < 8; bits++) {
                    struct shape s = {.element = element,
                                      .blocks = blocks,
                                      .rows = rows,
                                      .cols = cols,
                                      .add = bits & 1,
                                      .relu = bits & 2,
                                      .extreme = bits & 4};
                    good = good && shape_holds(fn, s);
                    s.formed = element == KERN_F32 ? (blocks + bits % 2) / 2 : 0;
                    good = good && (!s.formed || shape_holds(fn, s));
                }
        }
    return good;
}

bool case_gemm_f32(kern_gemm_f32_fn *fn)
{
    return gemm(fn, KERN_F32);
}

bool case_gemm_bf16(kern_gemm_bf16_fn *fn)
{
    return gemm(fn, KERN_BF16);
}

bool case_gemm_s8(kern_gemm_s8_fn *fn)
{
    return gemm(fn, KERN_U8);
}

#include "tests/checkkern/cases.h"
#include "tests/checkkern/data.h"

#include "engine/kern/codes.h"
#include "engine/kern/depthwise.h"

#include <stdio.h>

enum { BLOCKS_MAX = 9, DW_TAPS_MAX = 25 };

// Codes shall run over both ends of what an element holds.
static float range_of(enum kern_element element)
{
    return element == KERN_U12 ? 32 : 1;
}

static bool gather_holds(kern_gather_f32_fn *fn, int pixels, int taps, bool relu,
                         enum kern_element element)
{
    static struct area out;
    static float scale[24], shift[24];
    int blocks = 1 + (int)(data_next() % 3);
    const float *const *window = data_window(pixels * taps, blocks, relu);
    void *dst = area_clear(&out);
    for (int i = 0; i < 24; i++) {
        scale[i] = range_of(element) * (float)(1 + data_next() % 80);
        shift[i] = range_of(element) * (float)(data_next() % 128);
    }
    struct kern_gather_f32 k = {.dst = dst,
                                .dst_pixel = 8,
                                .dst_block = pixels * 8 + 8,
                                .in = window,
                                .scale = scale,
                                .shift = shift,
                                .element = element,
                                .pixels = pixels,
                                .taps = taps,
                                .blocks = blocks,
                                .relu = relu};
    fn(&k);
    bool good = true;
    for (int p = 0; p < pixels; p++)
        for (int i = 0; i < taps * blocks * 8; i++) {
            int c = i % (8 * blocks);
            float x = data_relu_if(relu, window[p * taps + i / 8 / blocks][c]);
            struct sum want = {0};
            sum_add(&want, (double)x * (is_whole(element) ? (double)scale[c] : 1));
            sum_add(&want, is_whole(element) ? (double)shift[c] : 0);
            good = good && element_near(&out, dst, p * 8 + i / 8 * k.dst_block + i % 8,
                                        element, want, relu);
        }
    return good && area_intact(&out);
}

bool case_gather_f32(kern_gather_f32_fn *fn)
{
    bool good = true;
    for (int e = 0; e < KERN_ELEMENT_COUNT; e++)
        for (int pixels = 1; pixels <= KERN_ROWS_MAX; pixels++)
            for (int taps = 1; taps <= 9; taps++)
                good = good &&
                       gather_holds(fn, pixels, taps, false, (enum kern_element)e) &&
                       gather_holds(fn, pixels, taps, true, (enum kern_element)e);
    return good;
}

struct dw_shape {
    int pixels, taps, blocks;
    int bits; // relu_in, relu_out, extreme
    enum kern_element element;
};

struct dw_weights {
    float weight[BLOCKS_MAX * DW_TAPS_MAX * 8 + 8], bias[BLOCKS_MAX * 8 + 8];
};

// Sums of whole numbers come out in their range, and beyond both ends.
static void fill_weights(struct dw_weights *w, const struct dw_shape *s)
{
    data_fill(w->weight, sizeof w->weight / sizeof *w->weight, s->bits & 4);
    data_fill(w->bias, sizeof w->bias / sizeof *w->bias, s->bits & 4);
    if (!is_whole(s->element))
        return;
    for (size_t i = 0; i < sizeof w->bias / sizeof *w->bias; i++)
        w->bias[i] = range_of(s->element) * (64 + 50 * w->bias[i]);
    for (size_t i = 0; i < sizeof w->weight / sizeof *w->weight; i++)
        w->weight[i] *= 20 * range_of(s->element);
}

static bool dw_holds(kern_dw_f32_fn *fn, struct dw_shape s)
{
    static struct dw_weights weights;
    static struct area out;
    size_t off = data_next() & 3;
    const float *const *window = data_window(s.pixels * s.taps, s.blocks, s.bits & 4);
    fill_weights(&weights, &s);
    void *dst = area_clear(&out);
    struct kern_dw_f32 k = {.dst = dst,
                            .dst_pixel = 8,
                            .dst_block = s.pixels * 8 + 8,
                            .in = window,
                            .weight = weights.weight + off,
                            .bias = weights.bias + off,
                            .element = s.element,
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
                float x = data_relu_if(k.relu_in, window[p * s.taps + t][c]);
                sum_add(&want,
                        (double)x * (double)k.weight[(c / 8 * s.taps + t) * 8 + c % 8]);
            }
            good = good && element_near(&out, dst, p * 8 + c / 8 * k.dst_block + c % 8,
                                        s.element, want, k.relu_out);
        }
    return good && area_intact(&out);
}

// Cuts pixels into pieces at random, their places one behind the other.
static int cut_pieces(struct dw_shape s, void *dst, struct kern_piece *to)
{
    int pieces = 0;
    char *at = dst;
    for (int left = s.pixels; left > 0; pieces++) {
        const int n = 1 + (int)(data_next() % (unsigned)left);
        const ptrdiff_t block = 8 * (n + (ptrdiff_t)(data_next() % 3));
        to[pieces] = (struct kern_piece){at, block, n};
        at += s.blocks * block * (ptrdiff_t)kern_element_size(s.element);
        left -= n;
    }
    return pieces;
}

static struct sum slide_sum(const struct kern_dw3x3_f32 *k, int pixel, int c)
{
    struct sum want = {0};
    sum_add(&want, (double)k->bias[c]);
    for (int t = 0; t < 9; t++) {
        // Row-major taps; columns hold the three rows of one place.
        float x = data_relu_if(k->relu_in, k->in[(pixel + t % 3) * 3 + t / 3][c]);
        sum_add(&want, (double)x * (double)k->weight[(c / 8 * 9 + t) * 8 + c % 8]);
    }
    return want;
}

static bool slide_holds(kern_dw3x3_f32_fn *fn, struct dw_shape s)
{
    static struct dw_weights weights;
    static struct area out;
    struct kern_piece to[PIXELS_MAX];
    size_t off = data_next() & 3;
    fill_weights(&weights, &s);
    struct kern_dw3x3_f32 k = {.to = to,
                               .dst_pixel = 8,
                               .in =
                                   data_window((s.pixels + 2) * 3, s.blocks, s.bits & 4),
                               .weight = weights.weight + off,
                               .bias = weights.bias + off,
                               .element = s.element,
                               .pieces = cut_pieces(s, area_clear(&out), to),
                               .blocks = s.blocks,
                               .relu_in = s.bits & 1,
                               .relu_out = s.bits & 2};
    fn(&k);
    bool good = true;
    for (int i = 0, pixel = 0; i < k.pieces; i++)
        for (int p = 0; p < to[i].pixels; p++, pixel++)
            for (int c = 0; c < s.blocks * 8; c++)
                good =
                    good &&
                    element_near(&out, to[i].dst, p * 8 + c / 8 * to[i].dst_block + c % 8,
                                 s.element, slide_sum(&k, pixel, c), k.relu_out);
    return good && area_intact(&out);
}

bool case_dw3x3_f32(kern_dw3x3_f32_fn *fn)
{
    enum { CUTS = 4 };
    bool good = true;
    for (int pixels = 1; pixels <= PIXELS_MAX; pixels++)
        for (int blocks = 1; blocks <= 4; blocks++)
            for (int bits = 0; bits < 8 * CUTS; bits++)
                for (int e = 0; e < KERN_ELEMENT_COUNT; e++)
                    good = good &&
                           slide_holds(fn, (struct dw_shape){pixels, 9, blocks, bits % 8,
                                                             (enum kern_element)e});
    return good;
}

bool case_dw_f32(kern_dw_f32_fn *fn)
{
    bool good = true;
    for (int pixels = 1; pixels <= PIXELS_MAX; pixels++)
        for (int taps = 1; taps <= DW_TAPS_MAX; taps++)
            for (int bits = 0; bits < 8; bits++)
                for (int e = 0; e < KERN_ELEMENT_COUNT; e++)
                    good = good && dw_holds(fn, (struct dw_shape){pixels, taps, 3, bits,
                                                                  (enum kern_element)e});
    return good;
}

// Codes at the ends of rows, or any.
static void fill_codes(uint16_t *code, int n, bool extreme)
{
    static const uint16_t edge[] = {0, 1, 254, 255, 256, 509, 510, 511, 4080, 4095};
    for (int i = 0; i < n; i++)
        code[i] = (uint16_t)(extreme ? edge[data_next() % (sizeof edge / sizeof *edge)]
                                     : data_next() % (KERN_U12_MOST + 1));
}

struct spread_shape {
    int blocks, more_blocks, pixels;
    bool extreme;
};

static bool spread_holds(kern_spread_u8_fn *fn, struct spread_shape s)
{
    enum { MORE_MAX = 3 };
    static uint16_t codes[BLOCKS_MAX * KERN_ROWS_MAX * KERN_BLOCK + 4];
    static struct kern_row more[MORE_MAX * KERN_BLOCK];
    static struct area out;
    const int rows = (s.blocks + s.more_blocks) * KERN_BLOCK,
              first = s.blocks * KERN_BLOCK;
    uint16_t *src = codes + (data_next() & 3);
    fill_codes(src, s.blocks * s.pixels * KERN_BLOCK, s.extreme);
    for (int i = 0; i < MORE_MAX * KERN_BLOCK; i++)
        more[i] = (struct kern_row){(uint16_t)(data_next() % (unsigned)first),
                                    (uint16_t)(255 * (data_next() % 17))};
    // At any byte.
    uint8_t *dst = (uint8_t *)area_clear(&out) + (data_next() & 3);
    fn(&(struct kern_spread_u8){dst, src, more, s.blocks, s.more_blocks, s.pixels});
    bool good = true;
    for (int r = 0; r < rows; r++)
        for (int p = 0; p < s.pixels; p++) {
            int c = r < first ? r : more[r - first].channel;
            int want = src[(c / 8 * s.pixels + p) * 8 + c % 8];
            want -= r < first ? 0 : more[r - first].from;
            want = want < 0 ? 0 : want > 255 ? 255 : want;
            int got = area_take_byte(&out, dst + (r / 8 * s.pixels + p) * 8 + r % 8);
            if (got != want)
                printf("  got %d, want %d\n", got, want);
            good = good && got == want;
        }
    return good && area_intact(&out);
}

bool case_spread_u8(kern_spread_u8_fn *fn)
{
    bool good = true;
    for (int pixels = 1; pixels <= KERN_ROWS_MAX; pixels++)
        for (int blocks = 1; blocks <= BLOCKS_MAX; blocks++)
            for (int more = 0; more <= 3; more++)
                good =
                    good &&
                    spread_holds(fn,
                                 (struct spread_shape){blocks, more, pixels, false}) &&
                    spread_holds(fn, (struct spread_shape){blocks, more, pixels, true});
    return good;
}

static bool window_holds(kern_window_u8_fn *fn, int pixels, int taps, int blocks)
{
    enum { TAPS = 9, COLUMNS = 20, BYTES = BLOCKS_MAX * COLUMNS * KERN_BLOCK };
    static uint8_t codes[BYTES];
    static struct area out;
    const uint8_t *in[TAPS];
    for (size_t i = 0; i < sizeof codes; i++)
        codes[i] = (uint8_t)data_next();
    for (int t = 0; t < taps; t++)
        in[t] = codes + KERN_BLOCK * (data_next() % (COLUMNS - KERN_ROWS_MAX));
    struct kern_window_u8 k = {.dst = (uint8_t *)area_clear(&out) + (data_next() & 7),
                               .in = in,
                               .dst_block = pixels * KERN_BLOCK + 3,
                               .in_block = COLUMNS * KERN_BLOCK,
                               .pixels = pixels,
                               .taps = taps,
                               .blocks = blocks};
    fn(&k);
    bool good = true;
    for (int b = 0; b < taps * blocks; b++)
        for (int i = 0; i < pixels * KERN_BLOCK; i++) {
            int want = in[b / blocks][b % blocks * k.in_block + i];
            good = good && area_take_byte(&out, k.dst + b * k.dst_block + i) == want;
        }
    return good && area_intact(&out);
}

bool case_window_u8(kern_window_u8_fn *fn)
{
    bool good = true;
    for (int pixels = 1; pixels <= KERN_ROWS_MAX; pixels++)
        for (int taps = 1; taps <= 9; taps++)
            for (int blocks = 1; blocks <= 4; blocks++)
                good = good && window_holds(fn, pixels, taps, blocks);
    return good;
}

// The kernels that dominate a network, alone, as a share of the float32 multiply-add
// peak:
//     bench_kern [TEXT]      only kernels with TEXT in their name
// "hot" repeats one tile in the L1 cache, "sweep" runs a panel of columns over rows in
// L2. What multiplies nothing has its time.

#include "engine/kern/codes.h"
#include "engine/kern/depthwise.h"
#include "engine/kern/kern.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPEATS = 9, TILES = 14, BLOCKS_MAX = 192, C_STRIDE = 728 };
// A row of 14 pixels with 728 channels, as in the middle of a network.
enum { PIXELS = 14, BLOCKS = 91 };

struct buffers {
    char *a, *b;
    float *c, *bias;
    double peak;
};

// The best of some repeats.
static double seconds_a_tile(kern_gemm_fn *fn, struct kern_gemm shape,
                             ptrdiff_t row_bytes, const struct buffers *buffers, bool hot)
{
    double best = 1;
    for (int i = 0; i < REPEATS; i++) {
        int rounds = 1 + 2000 / shape.blocks;
        double start = clock_now();
        for (int r = 0; r < rounds; r++)
            for (int t = 0; t < TILES; t++) {
                shape.a = buffers->a + (hot ? 0 : t * shape.rows * row_bytes);
                shape.c = buffers->c + (hot ? 0 : t * shape.rows * C_STRIDE);
                fn(&shape);
            }
        double s = (clock_now() - start) / rounds / TILES;
        best = s < best ? s : best;
    }
    return best;
}

static void bench_gemm(const struct kern_gemm_choice *k, enum kern_element element,
                       const struct buffers *buffers)
{
    static const int blocks[] = {4, 16, 91, BLOCKS_MAX};
    for (int cols = KERN_BLOCK; cols <= k->about->cols; cols += KERN_BLOCK)
        for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
            struct kern_gemm g = {.b = buffers->b,
                                  .scale = buffers->bias,
                                  .bias = buffers->bias,
                                  .c_stride = C_STRIDE,
                                  .blocks = blocks[i],
                                  .rows = k->about->rows,
                                  .cols = cols};
            ptrdiff_t row =
                (ptrdiff_t)kern_element_size(element) * blocks[i] * KERN_BLOCK;
            double share = 2e-9 * g.rows * cols * blocks[i] * KERN_BLOCK / buffers->peak;
            printf("%-28s %2dx%-3d k %5d  hot %6.1f %%  sweep %6.1f %%\n", k->about->name,
                   g.rows, cols, blocks[i] * KERN_BLOCK,
                   100 * share / seconds_a_tile(k->fn, g, row, buffers, true),
                   100 * share / seconds_a_tile(k->fn, g, row, buffers, false));
        }
}

static void bench_depthwise(kern_dw3x3_f32_fn *fn, const char *name,
                            enum kern_element element, const struct buffers *buffers)
{
    static const char *const elements[] = {"f32", "bf16", "u8", "u12"};
    const float *in[3 * (PIXELS + 2)];
    for (int i = 0; i < 3 * (PIXELS + 2); i++)
        in[i] = buffers->c + (ptrdiff_t)i * BLOCKS * KERN_BLOCK;
    const struct kern_piece all = {buffers->a, (ptrdiff_t)PIXELS * KERN_BLOCK, PIXELS};
    const struct kern_dw3x3_f32 k = {.to = &all,
                                     .dst_pixel = KERN_BLOCK,
                                     .in = in,
                                     .weight = (const float *)(const void *)buffers->b,
                                     .bias = buffers->bias,
                                     .element = element,
                                     .pieces = 1,
                                     .blocks = BLOCKS,
                                     .relu_in = true};
    double best = 1;
    for (int i = 0; i < REPEATS * TILES; i++) {
        double start = clock_now();
        for (int r = 0; r < 10; r++)
            fn(&k);
        double s = (clock_now() - start) / 10;
        best = s < best ? s : best;
    }
    printf("%-28s to %-5s %14.1f %%\n", name, elements[element],
           100 * 18e-9 * PIXELS * BLOCKS * KERN_BLOCK / best / buffers->peak);
}

// One channel in 23 has a second row.
static void bench_spread(kern_spread_u8_fn *fn, const char *name,
                         const struct buffers *buffers)
{
    enum { MORE = 4 };
    struct kern_row more[MORE * KERN_BLOCK];
    for (int i = 0; i < MORE * KERN_BLOCK; i++)
        more[i] = (struct kern_row){(uint16_t)(BLOCKS / MORE * i), KERN_U8_MOST};
    const struct kern_spread_u8 k = {.dst = (uint8_t *)buffers->a,
                                     .src = (const uint16_t *)(const void *)buffers->b,
                                     .more = more,
                                     .blocks = BLOCKS,
                                     .more_blocks = MORE,
                                     .pixels = PIXELS};
    double best = 1;
    for (int i = 0; i < REPEATS * TILES; i++) {
        double start = clock_now();
        for (int r = 0; r < 100; r++)
            fn(&k);
        double s = (clock_now() - start) / 100;
        best = s < best ? s : best;
    }
    printf("%-28s %d + %d blocks %8.2f µs\n", name, BLOCKS, MORE, best * 1e6);
}

// Whether this ISA is the first with the kernel, and somebody wants it.
static bool is_new(struct kern_about k, struct kern_about below, const char *wanted)
{
    return (!below.name || strcmp(k.name, below.name) != 0) && strstr(k.name, wanted);
}

static void bench_isa(enum eng_isa isa, const char *wanted, struct buffers *buffers)
{
    struct kern_set set, below = {0};
    kern_select(isa, false, &set);
    if (isa != ENG_ISA_SCALAR)
        kern_select((enum eng_isa)(isa - 1), false, &below);
    buffers->peak = eng_peak_gflops(isa, 1);
    for (int e = 0; e < KERN_ELEMENT_COUNT; e++) {
        enum kern_element element = (enum kern_element)e;
        struct kern_gemm_choice k = kern_gemm_for(&set, element),
                                old = kern_gemm_for(&below, element);
        if (element != KERN_U12 && is_new(*k.about, *old.about, wanted))
            bench_gemm(&k, element, buffers);
        if (is_new(set.about.dw3x3_f32, below.about.dw3x3_f32, wanted))
            bench_depthwise(set.dw3x3_f32, set.about.dw3x3_f32.name, element, buffers);
    }
    if (is_new(set.about.spread_u8, below.about.spread_u8, wanted))
        bench_spread(set.spread_u8, set.about.spread_u8.name, buffers);
}

int main(int argc, char **argv)
{
    size_t room = (size_t)KERN_COLS_MAX * BLOCKS_MAX * KERN_BLOCK * TILES * sizeof(float);
    struct buffers buffers = {mem_aligned(64, room), mem_aligned(64, room),
                              mem_aligned(64, room), mem_aligned(64, room), 0};
    if (!buffers.a || !buffers.b || !buffers.c || !buffers.bias)
        return 1;
    memset(buffers.a, 1, room);
    memset(buffers.b, 1, room);
    memset(buffers.c, 0, room);
    memset(buffers.bias, 0, room);
    for (int isa = 0; isa < ENG_ISA_COUNT; isa++)
        if (kern_cpu_has((enum eng_isa)isa))
            bench_isa((enum eng_isa)isa, argc > 1 ? argv[1] : "", &buffers);
    free(buffers.a);
    free(buffers.b);
    free(buffers.c);
    free(buffers.bias);
    return 0;
}

// The GEMM kernels of kern.def alone, as a share of the multiply-add peak:
//     bench_kern
// "hot" repeats one tile in the L1 cache, "sweep" runs a panel of columns over rows in
// L2.

#include "engine/kern/kern.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

enum { REPEATS = 15, TILES = 14, BLOCKS_MAX = 192, C_STRIDE = 728 };

struct buffers {
    float *a, *b, *c;
};

static double seconds_a_tile(kern_gemm_f32_fn *fn, struct kern_gemm_f32 shape,
                             const struct buffers *buffers, bool hot)
{
    double best = 1;
    const ptrdiff_t step = hot ? 0 : (ptrdiff_t)shape.rows * shape.blocks * KERN_BLOCK;
    for (int i = 0; i < REPEATS; i++) {
        int rounds = 1 + 2000 / shape.blocks;
        double start = clock_now();
        for (int r = 0; r < rounds; r++)
            for (int t = 0; t < TILES; t++) {
                shape.a = buffers->a + t * step;
                shape.c = buffers->c + (hot ? 0 : t * shape.rows * C_STRIDE);
                fn(&shape);
            }
        double s = (clock_now() - start) / rounds / TILES;
        best = s < best ? s : best;
    }
    return best;
}

static void bench_gemm(const struct kern_about *about, enum eng_isa isa,
                       kern_gemm_f32_fn *fn, const struct buffers *buffers)
{
    static const int blocks[] = {4, 8, 16, 32, 91, 128, BLOCKS_MAX};
    static const float bias[KERN_COLS_MAX];
    double peak = eng_peak_gflops(isa, 1);
    for (int rows = about->rows / 2 + 1; rows <= about->rows; rows++)
        for (int cols = KERN_BLOCK; cols <= about->cols; cols += KERN_BLOCK)
            for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
                struct kern_gemm_f32 g = {.b = buffers->b,
                                          .bias = bias,
                                          .c_stride = C_STRIDE,
                                          .blocks = blocks[i],
                                          .rows = rows,
                                          .cols = cols};
                double flops = 2e-9 * rows * cols * blocks[i] * KERN_BLOCK / peak;
                printf("%-24s %dx%-3d k %5d  hot %5.1f %%  sweep %5.1f %%\n", about->name,
                       rows, cols, blocks[i] * KERN_BLOCK,
                       100 * flops / seconds_a_tile(fn, g, buffers, true),
                       100 * flops / seconds_a_tile(fn, g, buffers, false));
            }
}

int main(void)
{
    size_t room = (size_t)KERN_COLS_MAX * BLOCKS_MAX * KERN_BLOCK * TILES;
    struct buffers buffers = {mem_aligned(64, room * sizeof(float)),
                              mem_aligned(64, room * sizeof(float)),
                              mem_aligned(64, room * sizeof(float))};
    if (!buffers.a || !buffers.b || !buffers.c)
        return 1;
    for (size_t i = 0; i < room; i++)
        buffers.a[i] = buffers.b[i] = buffers.c[i] = 1e-3F * (float)(i % 7);
    for (int isa = 0; isa < ENG_ISA_COUNT; isa++) {
        struct kern_set set, below;
        kern_select((enum eng_isa)isa, &set);
        kern_select(isa ? (enum eng_isa)(isa - 1) : ENG_ISA_SCALAR, &below);
        if (kern_cpu_has((enum eng_isa)isa) &&
            (isa == 0 || set.gemm_f32 != below.gemm_f32))
            bench_gemm(&set.about.gemm_f32, (enum eng_isa)isa, set.gemm_f32, &buffers);
    }
    free(buffers.a);
    free(buffers.b);
    free(buffers.c);
    return 0;
}

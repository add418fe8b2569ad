// One tile of any GEMM family with 16 registers of 256 bits: up to 6 rows of 16 columns
// in 12 accumulators, two registers for b, one for a. Every step takes the next 4 bytes
// of a row of a, whatever they hold, and 32 bytes of b for 8 columns. Includers define
// `sum`, an accumulator, WORDS, the steps in a block of k, and
//     sum start(const struct kern_gemm *k, int col);
//     sum step(__m256i a, __m256i b, sum s);
//     __m256 value(const struct output *to, sum s, int col);
//
// Accumulators bear names, because compilers spill arrays of them; for rows and columns,
// constant after inlining, the unused ones vanish.

#include "engine/kern/body/beside.h"
#include "engine/kern/body/finish256.h"

// The row macros count as branches; none is left after inlining.
// NOLINTNEXTLINE(readability-function-cognitive-complexity,readability-function-size)
static ALWAYS_INLINE void tile(const struct kern_gemm *k, int rows, bool wide)
{
    const int cols = wide ? 16 : 8;
    const int32_t *a = k->a, *b = k->b; // by words of 4 bytes
    const char *next = k->next, *next_end = next + k->next_len;
    const size_t share = ahead_share(k);
    const int busy = busy_blocks(k, rows, share);
    const sum start0 = start(k, 0);
    const sum start1 = wide ? start(k, 8) : start0;
#define START(r) sum s##r = start0, t##r = start1;
    EACH_ROW(START)
#undef START
#define START_APART(r)                                                                   \
    if (rows > (r)) {                                                                    \
        s##r = start(k, (r)*k->bias_stride);                                             \
        if (wide)                                                                        \
            t##r = start(k, (r)*k->bias_stride + 8);                                     \
    }
    if (k->bias_stride) {
        EACH_ROW(START_APART)
    }
#undef START_APART
    for (int r = k->blocks; r < rows; r++)
        fetch_output(k, r);
    for (ptrdiff_t block = 0; block < k->blocks; block++, a += WORDS * rows) {
        if (block < busy) {
            if (block < rows)
                fetch_output(k, block);
            if (block < k->formed)
                form(k, block, cols);
            next = fetch_ahead(next, next_end, share);
        }
#pragma GCC unroll 8
        for (int i = 0; i < WORDS; i++, b += cols) {
            __m256i b0 = _mm256_load_si256((const void *)b), b1 = b0;
            if (wide)
                b1 = _mm256_load_si256((const void *)(b + 8));
            KEEP_LOADED(b0, b1);
#define STEP(r)                                                                          \
    if (rows > (r)) {                                                                    \
        __m256i x = _mm256_set1_epi32(a[WORDS * (r) + i]);                               \
        s##r = step(x, b0, s##r);                                                        \
        if (wide)                                                                        \
            t##r = step(x, b1, t##r);                                                    \
    }
            EACH_ROW(STEP)
#undef STEP
        }
    }
    const struct output to = output_of(k);
#define STORE(r)                                                                         \
    if (rows > (r)) {                                                                    \
        finish(&to, value(&to, s##r, 0), r, 0);                                          \
        if (wide)                                                                        \
            finish(&to, value(&to, t##r, 8), r, 8);                                      \
    }
    EACH_ROW(STORE)
#undef STORE
}

static ALWAYS_INLINE void tile_of(const struct kern_gemm *k, int rows)
{
    if (k->cols == 16)
        tile(k, rows, true);
    else
        tile(k, rows, false);
}

#include "engine/kern/body/heights.h"

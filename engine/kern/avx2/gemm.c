#include "engine/kern/kern.h"

#include "base/attr.h"

#include <immintrin.h>

// One tile: up to 6 rows of 16 columns in 12 accumulators, two registers for b, one for
// a. Accumulators bear names, because compilers spill arrays of them; for rows and
// columns, constant after inlining, the unused ones vanish.

#define EACH_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5)

static ALWAYS_INLINE __m256 finish(const struct kern_gemm_f32 *k, __m256 sum, ptrdiff_t r,
                                   int col)
{
    if (k->add)
        sum = _mm256_add_ps(sum, _mm256_loadu_ps(k->add + r * k->add_stride + col));
    return k->relu ? _mm256_max_ps(sum, _mm256_setzero_ps()) : sum;
}

// Brings the lines that finish() will touch, while the multiply-adds run.
static ALWAYS_INLINE void fetch_output(const struct kern_gemm_f32 *k, int rows)
{
    for (ptrdiff_t r = 0; r < rows; r++) {
        __builtin_prefetch(k->c + r * k->c_stride, 1);
        __builtin_prefetch(k->c + r * k->c_stride + 15, 1);
        if (k->add) {
            _mm_prefetch(k->add + r * k->add_stride, _MM_HINT_T0);
            _mm_prefetch(k->add + r * k->add_stride + 15, _MM_HINT_T0);
        }
    }
}

// The row macros count as branches; none is left after inlining.
// NOLINTNEXTLINE(readability-function-cognitive-complexity,readability-function-size)
static ALWAYS_INLINE void tile(const struct kern_gemm_f32 *k, int rows, bool wide)
{
    const int cols = wide ? 16 : 8;
    const float *a = k->a, *b = k->b, *next = k->next;
    const float *next_end = next + k->next_len;
    const __m256 bias0 = _mm256_loadu_ps(k->bias);
    const __m256 bias1 = wide ? _mm256_loadu_ps(k->bias + 8) : bias0;
#define START(r) __m256 s##r = bias0, t##r = bias1;
    EACH_ROW(START)
#undef START
    fetch_output(k, rows);
    for (int block = 0; block < k->blocks; block++, a += 8 * rows) {
        if (next < next_end) {
            _mm_prefetch(next, _MM_HINT_T1);
            next += 16;
        }
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++, b += cols) {
            __m256 b0 = _mm256_load_ps(b), b1 = b0;
            if (wide)
                b1 = _mm256_load_ps(b + 8);
            // Keeps the loads from being folded into the multiply-adds.
            __asm__("" : "+x"(b0), "+x"(b1));
#define STEP(r)                                                                          \
    if (rows > (r)) {                                                                    \
        __m256 x = _mm256_broadcast_ss(a + 8 * (r) + i);                                 \
        s##r = _mm256_fmadd_ps(x, b0, s##r);                                             \
        if (wide)                                                                        \
            t##r = _mm256_fmadd_ps(x, b1, t##r);                                         \
    }
            EACH_ROW(STEP)
#undef STEP
        }
    }
#define STORE(r)                                                                         \
    if (rows > (r)) {                                                                    \
        _mm256_storeu_ps(k->c + (r)*k->c_stride, finish(k, s##r, r, 0));                 \
        if (wide)                                                                        \
            _mm256_storeu_ps(k->c + (r)*k->c_stride + 8, finish(k, t##r, r, 8));         \
    }
    EACH_ROW(STORE)
#undef STORE
}

void kern_gemm_f32_6x16_avx2(const struct kern_gemm_f32 *k)
{
    const bool wide = k->cols == 16;
    switch (k->rows) {
#define TILE(r)                                                                          \
    case (r) + 1:                                                                        \
        if (wide)                                                                        \
            tile(k, (r) + 1, true);                                                      \
        else                                                                             \
            tile(k, (r) + 1, false);                                                     \
        break;
        EACH_ROW(TILE)
#undef TILE
    default:
        break;
    }
}

#include "engine/kern/kern.h"

#include "base/attr.h"

#include <immintrin.h>

// One tile: up to 14 rows of 32 columns in 28 accumulators, two registers for b, one for
// a. Narrower tiles, at a matrix's right edge, take a half register (of 8 columns) in
// place of one of 16: on Zen 4, which splits a register of 16, that halves its time.

#define EACH_ROW(X)                                                                      \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13)

// Columns: FULL is 16, HALF is 8, in the first or the second register of a row.
enum width { NONE, HALF, FULL };

static ALWAYS_INLINE __m512 load(const float *p, enum width w)
{
    return w == FULL ? _mm512_loadu_ps(p) : _mm512_castps256_ps512(_mm256_loadu_ps(p));
}

static ALWAYS_INLINE void store(float *p, enum width w, __m512 v)
{
    if (w == FULL)
        _mm512_storeu_ps(p, v);
    else
        _mm256_storeu_ps(p, _mm512_castps512_ps256(v));
}

static ALWAYS_INLINE __m512 multiply_add(enum width w, __m512 a, __m512 b, __m512 c)
{
    if (w == FULL)
        return _mm512_fmadd_ps(a, b, c);
    return _mm512_castps256_ps512(_mm256_fmadd_ps(
        _mm512_castps512_ps256(a), _mm512_castps512_ps256(b), _mm512_castps512_ps256(c)));
}

static ALWAYS_INLINE void finish(const struct kern_gemm_f32 *k, __m512 sum, ptrdiff_t r,
                                 int col, enum width w)
{
    if (k->add)
        sum = _mm512_add_ps(sum, load(k->add + r * k->add_stride + col, w));
    if (k->relu)
        sum = _mm512_max_ps(sum, _mm512_setzero_ps());
    store(k->c + r * k->c_stride + col, w, sum);
}

// Brings the lines that finish() will touch, while the multiply-adds run.
static ALWAYS_INLINE void fetch_output(const struct kern_gemm_f32 *k, int rows)
{
    for (ptrdiff_t r = 0; r < rows; r++)
        for (int col = 0; col < 32; col += 16) {
            __builtin_prefetch(k->c + r * k->c_stride + col, 1);
            if (k->add)
                _mm_prefetch(k->add + r * k->add_stride + col, _MM_HINT_T0);
        }
}

// The row macros count as branches; none is left after inlining.
// NOLINTNEXTLINE(readability-function-cognitive-complexity,readability-function-size)
static ALWAYS_INLINE void tile(const struct kern_gemm_f32 *k, int rows, enum width first,
                               enum width second)
{
    const int split = 8 * (int)first, cols = split + 8 * (int)second;
    const float *a = k->a, *b = k->b, *next = k->next;
    const float *next_end = next + k->next_len;
    const __m512 bias0 = load(k->bias, first);
    const __m512 bias1 = second ? load(k->bias + split, second) : bias0;
#define START(r) __m512 s##r = bias0, t##r = bias1;
    EACH_ROW(START)
#undef START
    fetch_output(k, rows);
    for (int block = 0; block < k->blocks; block++, a += 8 * rows) {
        if (next < next_end) {
            _mm_prefetch(next, _MM_HINT_T1);
            _mm_prefetch(next + 16, _MM_HINT_T1);
            next += 32;
        }
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++, b += cols) {
            __m512 b0 = load(b, first), b1 = b0;
            if (second)
                b1 = load(b + split, second);
            // Keeps the loads from being folded into the multiply-adds.
            __asm__("" : "+v"(b0), "+v"(b1));
#define STEP(r)                                                                          \
    if (rows > (r)) {                                                                    \
        __m512 x = _mm512_set1_ps(a[8 * (r) + i]);                                       \
        s##r = multiply_add(first, x, b0, s##r);                                         \
        if (second)                                                                      \
            t##r = multiply_add(second, x, b1, t##r);                                    \
    }
            EACH_ROW(STEP)
#undef STEP
        }
    }
#define STORE(r)                                                                         \
    if (rows > (r)) {                                                                    \
        finish(k, s##r, r, 0, first);                                                    \
        if (second)                                                                      \
            finish(k, t##r, r, split, second);                                           \
    }
    EACH_ROW(STORE)
#undef STORE
}

void kern_gemm_f32_14x32_avx512(const struct kern_gemm_f32 *k)
{
    // One tile of each height and width, with constants for both.
#define TILE(r)                                                                          \
    case 4 * ((r) + 1) + 1:                                                              \
        tile(k, (r) + 1, HALF, NONE);                                                    \
        break;                                                                           \
    case 4 * ((r) + 1) + 2:                                                              \
        tile(k, (r) + 1, FULL, NONE);                                                    \
        break;                                                                           \
    case 4 * ((r) + 1) + 3:                                                              \
        tile(k, (r) + 1, FULL, HALF);                                                    \
        break;                                                                           \
    case 4 * ((r) + 1) + 4:                                                              \
        tile(k, (r) + 1, FULL, FULL);                                                    \
        break;
    switch (4 * k->rows + k->cols / KERN_BLOCK) {
        EACH_ROW(TILE)
    default:
        break;
    }
#undef TILE
}

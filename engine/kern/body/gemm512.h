// One tile of any GEMM family with 32 registers of 512 bits: up to 14 rows of 32 columns
// in 28 accumulators, two registers for b, one for a. Every step takes the next 4 bytes
// of a row of a, whatever they hold, and 64 bytes of b for 16 columns. Includers define
// `sum`, an accumulator, WORDS, the steps in a block of k, and
//     sum start(const struct kern_gemm *k, int col, enum width w);
//     sum step(enum width w, __m512i a, __m512i b, sum s);
//     __m512 value(const struct kern_gemm *k, sum s, int col, enum width w);
//
// Accumulators bear names, because compilers spill arrays of them; for rows and widths,
// constant after inlining, the unused ones vanish.

#include "engine/kern/body/beside.h"

#define EACH_ROW(X)                                                                      \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13)

static ALWAYS_INLINE void finish(const struct kern_gemm *k, sum s, ptrdiff_t r, int col,
                                 enum width w)
{
    __m512 v = value(k, s, col, w);
    if (k->add)
        v = _mm512_add_ps(v, load_floats(k->add + r * k->add_stride + col, w));
    if (k->relu)
        v = _mm512_max_ps(v, _mm512_setzero_ps());
    float *c = k->c + r * k->c_stride + col;
    if (w == FULL)
        _mm512_storeu_ps(c, v);
    else
        _mm256_storeu_ps(c, _mm512_castps512_ps256(v));
}

// Brings the lines of a row that finish() will touch, while the multiply-adds run: a row
// a block of k. All at once they kept what those load waiting, for 1 to 2 % of the time
// (Zen 4, 28 November 2026).
static ALWAYS_INLINE void fetch_output(const struct kern_gemm *k, ptrdiff_t r)
{
    for (int col = 0; col < 32; col += 16) {
        __builtin_prefetch(k->c + r * k->c_stride + col, 1);
        if (k->add)
            _mm_prefetch(k->add + r * k->add_stride + col, _MM_HINT_T0);
    }
}

// The row macros count as branches; none is left after inlining.
// NOLINTNEXTLINE(readability-function-cognitive-complexity,readability-function-size)
static ALWAYS_INLINE void tile(const struct kern_gemm *k, int rows, enum width first,
                               enum width second)
{
    const int split = 8 * (int)first, cols = split + 8 * (int)second;
    const int32_t *a = k->a, *b = k->b; // by words of 4 bytes
    const char *next = k->next, *next_end = next + k->next_len;
    const size_t share = ahead_share(k);
    const sum start0 = start(k, 0, first);
    const sum start1 = second ? start(k, split, second) : start0;
#define START(r) sum s##r = start0, t##r = start1;
    EACH_ROW(START)
#undef START
#define START_APART(r)                                                                   \
    if (rows > (r)) {                                                                    \
        s##r = start(k, (r)*k->bias_stride, first);                                      \
        if (second)                                                                      \
            t##r = start(k, (r)*k->bias_stride + split, second);                         \
    }
    if (k->bias_stride) {
        EACH_ROW(START_APART)
    }
#undef START_APART
    for (int r = k->blocks; r < rows; r++)
        fetch_output(k, r);
    for (int block = 0; block < k->blocks; block++, a += WORDS * rows) {
        if (block < k->formed)
            form(k, block, cols);
        if (block < rows)
            fetch_output(k, block);
        const char *stop = next + share < next_end ? next + share : next_end;
        for (; next < stop; next += 64)
            _mm_prefetch(next, _MM_HINT_T1);
#pragma GCC unroll 8
        for (int i = 0; i < WORDS; i++, b += cols) {
            __m512i b0 = load_words(b, first), b1 = b0;
            if (second)
                b1 = load_words(b + split, second);
            KEEP_LOADED(b0, b1);
#define STEP(r)                                                                          \
    if (rows > (r)) {                                                                    \
        __m512i x = _mm512_set1_epi32(a[WORDS * (r) + i]);                               \
        s##r = step(first, x, b0, s##r);                                                 \
        if (second)                                                                      \
            t##r = step(second, x, b1, t##r);                                            \
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

static ALWAYS_INLINE void tile_of(const struct kern_gemm *k, int rows)
{
    switch (k->cols / KERN_BLOCK) {
    case 1:
        tile(k, rows, HALF, NONE);
        break;
    case 2:
        tile(k, rows, FULL, NONE);
        break;
    case 3:
        tile(k, rows, FULL, HALF);
        break;
    case 4:
        tile(k, rows, FULL, FULL);
        break;
    default:
        break;
    }
}

#include "engine/kern/body/heights.h"

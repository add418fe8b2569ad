// u8 × s8 without VNNI: products are added in pairs by pmaddubsw, two pairs in 16 bits,
// which the bounds of kern.h keep from overflowing, and those by pmaddwd. Five operations
// for 64 multiply-adds where VNNI takes two.

#include "engine/kern/vec/s8_avx2.h"

#include "engine/kern/body/finish256.h"

// k = 8i … 8i + 7 of 8 columns: b0 and b1 hold four k each.
static ALWAYS_INLINE sum step(__m256i a0, __m256i a1, __m256i b0, __m256i b1, sum s)
{
    __m256i four =
        _mm256_add_epi16(_mm256_maddubs_epi16(a0, b0), _mm256_maddubs_epi16(a1, b1));
    return _mm256_add_epi32(s, _mm256_madd_epi16(four, _mm256_set1_epi16(1)));
}

static ALWAYS_INLINE __m256i load(const int32_t *p)
{
    return _mm256_load_si256((const void *)p);
}

// The row macros count as branches; none is left after inlining.
// NOLINTNEXTLINE(readability-function-cognitive-complexity,readability-function-size)
static ALWAYS_INLINE void tile(const struct kern_gemm *k, int rows, bool wide)
{
    const int cols = wide ? 16 : 8;
    const int32_t *a = k->a, *b = k->b; // by words of 4 bytes
    const char *next = k->next, *next_end = next + k->next_len;
#define START(r) sum s##r = start(k, 0), t##r = s##r;
    EACH_ROW(START)
#undef START
    for (int r = k->blocks; r < rows; r++)
        fetch_output(k, r);
    for (int block = 0; block < k->blocks; block++, a += 2 * rows, b += 2 * cols) {
        if (block < rows)
            fetch_output(k, block);
        if (next < next_end) {
            _mm_prefetch(next, _MM_HINT_T1);
            next += 64;
        }
#define STEP(r)                                                                          \
    if (rows > (r)) {                                                                    \
        __m256i a0 = _mm256_set1_epi32(a[2 * (r)]);                                      \
        __m256i a1 = _mm256_set1_epi32(a[2 * (r) + 1]);                                  \
        s##r = step(a0, a1, load(b), load(b + cols), s##r);                              \
        if (wide)                                                                        \
            t##r = step(a0, a1, load(b + 8), load(b + cols + 8), t##r);                  \
    }
        EACH_ROW(STEP)
#undef STEP
    }
#define STORE(r)                                                                         \
    if (rows > (r)) {                                                                    \
        finish(k, value(k, s##r, 0), r, 0);                                              \
        if (wide)                                                                        \
            finish(k, value(k, t##r, 8), r, 8);                                          \
    }
    EACH_ROW(STORE)
#undef STORE
}

ANY_TILE

void kern_gemm_s8_6x16_avx2(const struct kern_gemm *k)
{
    any_tile(k);
}

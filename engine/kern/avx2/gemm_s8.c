// u8 × s8 without VNNI: products are added in pairs by pmaddubsw, two pairs in 16 bits,
// which the bounds of kern.h keep from overflowing, and those by pmaddwd. Five operations
// for 64 multiply-adds where VNNI takes two.

#include "engine/kern/vec/s8_avx2.h"

// Five rows: with six the 16 registers do not hold all accumulators.
#define EACH_ROW(X) X(0) X(1) X(2) X(3) X(4)

#include "engine/kern/body/beside.h"
#include "engine/kern/body/finish256.h"

// Eight k of 8 columns: b0 and b1 hold four k each.
static ALWAYS_INLINE sum step(__m256i a0, __m256i a1, __m256i b0, __m256i b1, sum s)
{
    __m256i four =
        _mm256_add_epi16(_mm256_maddubs_epi16(a0, b0), _mm256_maddubs_epi16(a1, b1));
    return _mm256_add_epi32(s, _mm256_madd_epi16(four, _mm256_set1_epi16(1)));
}

// The same of 16 columns. Left to itself gcc 12 keeps b in registers and accumulators in
// memory: 2.20 × the float32 peak out of L1, this 2.41 ×; 15 % with a busy neighbour on
// the core (Zen 3, 28 November 2026).
static ALWAYS_INLINE void step_wide(const int32_t a[2], const __m256i b[4], sum *s,
                                    sum *t)
{
#ifdef __AVX2__
    __m256i a0, a1, four0, four1;
    __asm__("vpbroadcastd %[k0], %[a0]\n\t"
            "vpbroadcastd %[k4], %[a1]\n\t"
            "vpmaddubsw %[b0], %[a0], %[four0]\n\t"
            "vpmaddubsw %[b1], %[a0], %[a0]\n\t"
            "vpmaddubsw %[b2], %[a1], %[four1]\n\t"
            "vpmaddubsw %[b3], %[a1], %[a1]\n\t"
            "vpaddw %[four1], %[four0], %[four0]\n\t"
            "vpaddw %[a1], %[a0], %[a0]\n\t"
            "vpmaddwd %[ones], %[four0], %[four0]\n\t"
            "vpmaddwd %[ones], %[a0], %[a0]\n\t"
            "vpaddd %[four0], %[s], %[s]\n\t"
            "vpaddd %[a0], %[t], %[t]"
            : [s] "+x"(*s), [t] "+x"(*t), [a0] "=&x"(a0), [a1] "=&x"(a1),
              [four0] "=&x"(four0), [four1] "=&x"(four1)
            : [k0] "m"(a[0]), [k4] "m"(a[1]), [b0] "m"(b[0]), [b1] "m"(b[1]),
              [b2] "m"(b[2]), [b3] "m"(b[3]), [ones] "x"(_mm256_set1_epi16(1)));
#else
    __m256i a0 = _mm256_set1_epi32(a[0]), a1 = _mm256_set1_epi32(a[1]);
    *s = step(a0, a1, b[0], b[2], *s);
    *t = step(a0, a1, b[1], b[3], *t);
#endif
}

// The row macros count as branches; none is left after inlining.
// NOLINTNEXTLINE(readability-function-cognitive-complexity,readability-function-size)
static ALWAYS_INLINE void tile(const struct kern_gemm *k, int rows, bool wide)
{
    const int32_t *a = k->a; // by words of 4 bytes
    const __m256i *b = k->b;
    const char *next = k->next, *next_end = next + k->next_len;
    const size_t share = ahead_share(k);
    const int busy = busy_blocks(k, rows, share);
#define START(r) sum s##r = start(k, 0), t##r = s##r;
    EACH_ROW(START)
#undef START
    for (int r = k->blocks; r < rows; r++)
        fetch_output(k, r);
    for (ptrdiff_t block = 0; block < k->blocks; block++, a += 2 * rows) {
        if (block < busy) {
            if (block < rows)
                fetch_output(k, block);
            next = fetch_ahead(next, next_end, share);
        }
#define STEP(r)                                                                          \
    if (rows > (r) && wide)                                                              \
        step_wide(a + 2 * (r), b, &s##r, &t##r);                                         \
    else if (rows > (r))                                                                 \
        s##r = step(_mm256_set1_epi32(a[2 * (r)]), _mm256_set1_epi32(a[2 * (r) + 1]),    \
                    b[0], b[1], s##r);
        EACH_ROW(STEP)
#undef STEP
        b += wide ? 4 : 2;
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

void kern_gemm_s8_5x16_avx2(const struct kern_gemm *k)
{
    any_tile(k);
}

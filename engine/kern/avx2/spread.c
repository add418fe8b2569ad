#include "engine/kern/kern.h"

#include "base/attr.h"

#include <immintrin.h>

typedef __m128i codes;

static ALWAYS_INLINE codes load_apart(const uint16_t *const p[KERN_BLOCK], ptrdiff_t at)
{
    codes c = _mm_cvtsi32_si128(p[0][at]);
    c = _mm_insert_epi16(c, p[1][at], 1);
    c = _mm_insert_epi16(c, p[2][at], 2);
    c = _mm_insert_epi16(c, p[3][at], 3);
    c = _mm_insert_epi16(c, p[4][at], 4);
    c = _mm_insert_epi16(c, p[5][at], 5);
    c = _mm_insert_epi16(c, p[6][at], 6);
    return _mm_insert_epi16(c, p[7][at], 7);
}

static ALWAYS_INLINE void store_above(uint8_t *dst, codes c, codes below)
{
    c = _mm_subs_epu16(c, below);
    _mm_storel_epi64((__m128i *)(void *)dst, _mm_packus_epi16(c, c));
}

#include "engine/kern/body/spread.h"

SPREAD_KERNEL(avx2)

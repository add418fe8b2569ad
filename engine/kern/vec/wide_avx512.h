#ifndef ENG_KERN_VEC_WIDE_AVX512_H
#define ENG_KERN_VEC_WIDE_AVX512_H

// Columns of a GEMM tile in registers of 512 bits: FULL is 16, HALF is 8, at a matrix's
// right edge. On Zen 4, which splits a wide register in two, half of one is faster.

#include "base/attr.h"
#include "engine/kern/kern.h"

#include <immintrin.h>

// Keeps loads from being folded into the multiply-adds; nothing where registers of this
// width are emulated.
#ifdef __AVX512F__
#    define KEEP_LOADED(a, b) __asm__("" : "+v"(a), "+v"(b))
#else
#    define KEEP_LOADED(a, b) (void)0
#endif

enum width { NONE, HALF, FULL };

static ALWAYS_INLINE __m512 load_floats(const float *p, enum width w)
{
    return w == FULL ? _mm512_loadu_ps(p) : _mm512_castps256_ps512(_mm256_loadu_ps(p));
}

static ALWAYS_INLINE __m512i load_words(const int32_t *p, enum width w)
{
    return w == FULL ? _mm512_loadu_si512(p)
                     : _mm512_castsi256_si512(_mm256_loadu_si256((const void *)p));
}

#endif

#ifndef ENG_KERN_VEC_S8_AVX2_H
#define ENG_KERN_VEC_S8_AVX2_H

// Exact sums of 32 bits, which gemm_s8 starts from zero and ends as floats.

#include "engine/kern/body/output.h"

#include "base/attr.h"

#include <immintrin.h>

typedef __m256i sum;

static ALWAYS_INLINE sum start(const struct kern_gemm *k, int col)
{
    (void)k, (void)col;
    return _mm256_setzero_si256();
}

static ALWAYS_INLINE __m256 value(const struct output *to, sum s, int col)
{
    return _mm256_fmadd_ps(_mm256_cvtepi32_ps(s), _mm256_loadu_ps(to->scale + col),
                           _mm256_loadu_ps(to->bias + col));
}

#endif

#ifndef ENG_KERN_VEC_AVX2_H
#define ENG_KERN_VEC_AVX2_H

// Eight floats in a register.

#include "base/attr.h"

#include <immintrin.h>

typedef __m256 vec;

static ALWAYS_INLINE vec vec_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

static ALWAYS_INLINE void vec_store(float *p, vec v)
{
    _mm256_storeu_ps(p, v);
}

static ALWAYS_INLINE vec vec_set(float x)
{
    return _mm256_set1_ps(x);
}

static ALWAYS_INLINE vec vec_add(vec a, vec b)
{
    return _mm256_add_ps(a, b);
}

static ALWAYS_INLINE vec vec_sub(vec a, vec b)
{
    return _mm256_sub_ps(a, b);
}

static ALWAYS_INLINE vec vec_mul(vec a, vec b)
{
    return _mm256_mul_ps(a, b);
}

// a · b + c
static ALWAYS_INLINE vec vec_fma(vec a, vec b, vec c)
{
    return _mm256_fmadd_ps(a, b, c);
}

// Zero where a is negative.
static ALWAYS_INLINE vec vec_relu(vec a)
{
    // As integers, negative floats are negative: one integer maximum, which on Zen leaves
    // the multiply-add units alone.
    __m256i bits = _mm256_max_epi32(_mm256_castps_si256(a), _mm256_setzero_si256());
    return _mm256_castsi256_ps(bits);
}

static ALWAYS_INLINE vec vec_max(vec a, vec b)
{
    return _mm256_max_ps(a, b);
}

#endif

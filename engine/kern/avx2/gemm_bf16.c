// bfloat16 without instructions for it: pairs are widened to floats. Not faster than
// float32; it is here so that a model has the same numbers on every CPU.

#include "engine/kern/body/output.h"

#include "base/attr.h"

#include <immintrin.h>

typedef __m256 sum;
enum { WORDS = 4 };

static ALWAYS_INLINE sum start(const struct kern_gemm *k, int col)
{
    return _mm256_loadu_ps(k->bias + col);
}

static ALWAYS_INLINE __m256 odd(__m256i pair)
{
    return _mm256_castsi256_ps(
        _mm256_and_si256(pair, _mm256_set1_epi32((int)0xffff0000)));
}

static ALWAYS_INLINE __m256 even(__m256i pair)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(pair, 16));
}

static ALWAYS_INLINE sum step(__m256i a, __m256i b, sum s)
{
    return _mm256_fmadd_ps(even(a), even(b), _mm256_fmadd_ps(odd(a), odd(b), s));
}

static ALWAYS_INLINE __m256 value(const struct output *to, sum s, int col)
{
    (void)to, (void)col;
    return s;
}

#include "engine/kern/body/gemm256.h"

void kern_gemm_bf16_6x16_avx2(const struct kern_gemm *k)
{
    any_tile(k);
}

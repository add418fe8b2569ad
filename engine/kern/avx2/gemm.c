#include "engine/kern/body/output.h"

#include "base/attr.h"

#include <immintrin.h>

typedef __m256 sum;
enum { WORDS = 8 };

static ALWAYS_INLINE sum start(const struct kern_gemm *k, int col)
{
    return _mm256_loadu_ps(k->bias + col);
}

static ALWAYS_INLINE sum step(__m256i a, __m256i b, sum s)
{
#ifdef __FMA__ // in place: gcc 12 moves and spills accumulators, 7 moves a block of k
    __asm__("vfmadd231ps %2, %1, %0" : "+x"(s) : "x"(a), "x"(b));
    return s;
#else
    return _mm256_fmadd_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), s);
#endif
}

static ALWAYS_INLINE __m256 value(const struct output *to, sum s, int col)
{
    (void)to, (void)col;
    return s;
}

#include "engine/kern/body/gemm256.h"

void kern_gemm_f32_6x16_avx2(const struct kern_gemm *k)
{
    any_tile(k);
}

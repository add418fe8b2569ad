#include "engine/kern/vec/s8_avx2.h"

enum { WORDS = 2 };

static ALWAYS_INLINE sum step(__m256i a, __m256i b, sum s)
{
    return _mm256_dpbusd_avx_epi32(s, a, b);
}

#include "engine/kern/body/gemm256.h"

void kern_gemm_s8_6x16_avxvnni(const struct kern_gemm *k)
{
    any_tile(k);
}

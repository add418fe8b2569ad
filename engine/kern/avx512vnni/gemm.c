#include "engine/kern/vec/wide_avx512.h"

typedef __m512i sum;
enum { WORDS = 2 };

static ALWAYS_INLINE sum start(const struct kern_gemm *k, int col, enum width w)
{
    (void)k, (void)col, (void)w;
    return _mm512_setzero_si512();
}

static ALWAYS_INLINE sum step(enum width w, __m512i a, __m512i b, sum s)
{
    if (w == FULL)
        return _mm512_dpbusd_epi32(s, a, b);
    return _mm512_castsi256_si512(_mm256_dpbusd_epi32(
        _mm512_castsi512_si256(s), _mm512_castsi512_si256(a), _mm512_castsi512_si256(b)));
}

static ALWAYS_INLINE __m512 value(const struct kern_gemm *k, sum s, int col, enum width w)
{
    return _mm512_fmadd_ps(_mm512_cvtepi32_ps(s), load_floats(k->scale + col, w),
                           load_floats(k->bias + col, w));
}

#include "engine/kern/body/gemm512.h"

void kern_gemm_s8_14x32_avx512vnni(const struct kern_gemm *k)
{
    any_tile(k);
}

#include "engine/kern/vec/wide_avx512.h"

typedef __m512 sum;
enum { WORDS = 4 };

static ALWAYS_INLINE sum start(const struct kern_gemm *k, int col, enum width w)
{
    return load_floats(k->bias + col, w);
}

static ALWAYS_INLINE sum step(enum width w, __m512i a, __m512i b, sum s)
{
    if (w == FULL)
        return _mm512_dpbf16_ps(s, (__m512bh)a, (__m512bh)b);
    return _mm512_castps256_ps512(_mm256_dpbf16_ps(_mm512_castps512_ps256(s),
                                                   (__m256bh)_mm512_castsi512_si256(a),
                                                   (__m256bh)_mm512_castsi512_si256(b)));
}

static ALWAYS_INLINE __m512 value(const struct kern_gemm *k, sum s, int col, enum width w)
{
    (void)k, (void)col, (void)w;
    return s;
}

#include "engine/kern/body/gemm512.h"

void kern_gemm_bf16_14x32_avx512bf16(const struct kern_gemm *k)
{
    any_tile(k);
}

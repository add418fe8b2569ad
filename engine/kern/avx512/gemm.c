#include "engine/kern/vec/wide_avx512.h"

typedef __m512 sum;
enum { WORDS = 8 };

static ALWAYS_INLINE sum start(const struct kern_gemm *k, int col, enum width w)
{
    return load_floats(k->bias + col, w);
}

static ALWAYS_INLINE sum step(enum width w, __m512i a, __m512i b, sum s)
{
    __m512 x = _mm512_castsi512_ps(a), y = _mm512_castsi512_ps(b);
    if (w == FULL)
        return _mm512_fmadd_ps(x, y, s);
    return _mm512_castps256_ps512(_mm256_fmadd_ps(
        _mm512_castps512_ps256(x), _mm512_castps512_ps256(y), _mm512_castps512_ps256(s)));
}

static ALWAYS_INLINE __m512 value(const struct kern_gemm *k, sum s, int col, enum width w)
{
    (void)k, (void)col, (void)w;
    return s;
}

#include "engine/kern/body/gemm512.h"

void kern_gemm_f32_14x32_avx512(const struct kern_gemm *k)
{
    any_tile(k);
}

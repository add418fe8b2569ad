// What the GEMM tiles with registers of 256 bits share: the end of a row.

#include "engine/kern/body/output.h"

#include "base/attr.h"

#include <immintrin.h>

// Keeps loads from being folded into the multiply-adds; nothing where registers of this
// width are emulated.
#ifdef __AVX2__
#    define KEEP_LOADED(a, b) __asm__("" : "+x"(a), "+x"(b))
#else
#    define KEEP_LOADED(a, b) (void)0
#endif

#ifndef EACH_ROW // of the highest tile
#    define EACH_ROW(X) X(0) X(1) X(2) X(3) X(4) X(5)
#endif

static ALWAYS_INLINE void finish(const struct output *to, __m256 v, ptrdiff_t r, int col)
{
    if (to->add)
        v = _mm256_add_ps(v, _mm256_loadu_ps(to->add + r * to->add_stride + col));
    if (to->relu)
        v = _mm256_max_ps(v, _mm256_setzero_ps());
    _mm256_storeu_ps(to->c + r * to->c_stride + col, v);
}

// Brings the lines of a row that finish() will touch, while the multiply-adds run: a row
// a block of k. All at once they kept what those load waiting, for 1 to 2 % of the time
// (Zen 4, 28 November 2026).
static ALWAYS_INLINE void fetch_output(const struct kern_gemm *k, ptrdiff_t r)
{
    __builtin_prefetch(k->c + r * k->c_stride, 1);
    __builtin_prefetch(k->c + r * k->c_stride + 15, 1);
    if (k->add) {
        _mm_prefetch(k->add + r * k->add_stride, _MM_HINT_T0);
        _mm_prefetch(k->add + r * k->add_stride + 15, _MM_HINT_T0);
    }
}

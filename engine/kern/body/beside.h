#ifndef ENG_KERN_BODY_BESIDE_H
#define ENG_KERN_BODY_BESIDE_H

// What a tile of the GEMMs does in a block of k beside multiplying.

#include "engine/kern/kern.h"

#include "base/attr.h"

#include <immintrin.h>

// Bytes of what comes after b that a GEMM's tile fetches in each block of k. Fixed at one
// or two lines it left half of that in L3 where tiles are few (2 % of a layer; Zen 4, 24
// November 2026).
static ALWAYS_INLINE size_t ahead_share(const struct kern_gemm *k)
{
    return k->next_len && k->blocks ? k->next_len / (size_t)k->blocks / 64 * 64 + 64 : 0;
}

// Writes a block of b, just before it is used: what this reads from L2 comes while the
// multiply-adds of the block before are done. Registers of 256 bits do for both widths.
static ALWAYS_INLINE void form(const struct kern_gemm *k, int block, int cols)
{
    const ptrdiff_t at = (ptrdiff_t)block * KERN_BLOCK * cols;
    float *b = (float *)k->b + at;
    const float *of = k->of + at, *less = k->less + at;
    for (int i = 0; i < KERN_BLOCK * cols; i += 8)
        _mm256_store_ps(b + i,
                        _mm256_sub_ps(_mm256_load_ps(of + i), _mm256_load_ps(less + i)));
}

#endif

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

// So many bytes from here, as far as there are.
static ALWAYS_INLINE const char *fetch_ahead(const char *next, const char *end, size_t n)
{
    const char *stop = n < (size_t)(end - next) ? next + n : end;
    for (; next < stop; next += 64)
        _mm_prefetch(next, _MM_HINT_T1);
    return next;
}

// From this block of k on nothing of it is left to do, so that a tile's loop has one
// question to ask: what stands there beside the multiply-adds takes their places in the
// CPU's front end, half of which a neighbour on the same core may have.
static ALWAYS_INLINE int busy_blocks(const struct kern_gemm *k, int rows, size_t share)
{
    int busy = share > 64 ? k->blocks : (int)(k->next_len / 64) + 1;
    busy = busy > rows ? busy : rows;
    return busy > k->formed ? busy : k->formed;
}

// Writes a block of b, just before it is used: what this reads from L2 comes while the
// multiply-adds of the block before are done. Registers of 256 bits do for both widths.
static ALWAYS_INLINE void form(const struct kern_gemm *k, ptrdiff_t block, int cols)
{
    const ptrdiff_t at = block * KERN_BLOCK * cols;
    float *b = (float *)k->b + at;
    const float *of = k->of + at, *less = k->less + at;
    for (int i = 0; i < KERN_BLOCK * cols; i += 8)
        _mm256_store_ps(b + i,
                        _mm256_sub_ps(_mm256_load_ps(of + i), _mm256_load_ps(less + i)));
}

#endif

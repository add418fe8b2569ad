#ifndef ENG_KERN_BODY_AHEAD_H
#define ENG_KERN_BODY_AHEAD_H

// The slice of what comes after b that a GEMM's tile fetches, evenly over its blocks of
// k.

#include "engine/kern/kern.h"

#include "base/attr.h"

#include <immintrin.h>

struct ahead {
    const char *next, *end;
    size_t share; // bytes a block
};

// Fixed at one or two lines it left half of what came next in L3 where tiles are few (2 %
// of a layer; Zen 4, 24 November 2026).
static ALWAYS_INLINE struct ahead ahead_of(const struct kern_gemm *k)
{
    const size_t blocks = (size_t)k->blocks;
    const size_t share = k->next_len && blocks ? k->next_len / blocks / 64 * 64 + 64 : 0;
    return (struct ahead){k->next, k->next + k->next_len, share};
}

static ALWAYS_INLINE void ahead_fetch(struct ahead *a)
{
    const char *stop = a->next + a->share < a->end ? a->next + a->share : a->end;
    for (; a->next < stop; a->next += 64)
        _mm_prefetch(a->next, _MM_HINT_T1);
}

#endif

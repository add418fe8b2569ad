#ifndef ENG_KERN_BODY_AHEAD_H
#define ENG_KERN_BODY_AHEAD_H

#include "engine/kern/kern.h"

#include "base/attr.h"

// Bytes of what comes after b that a GEMM's tile fetches in each block of k. Fixed at one
// or two lines it left half of that in L3 where tiles are few (2 % of a layer; Zen 4, 24
// November 2026).
static ALWAYS_INLINE size_t ahead_share(const struct kern_gemm *k)
{
    return k->next_len && k->blocks ? k->next_len / (size_t)k->blocks / 64 * 64 + 64 : 0;
}

#endif

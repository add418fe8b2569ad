// Of integers, so in plain C for every instruction set: the compiler's vectors are as
// fast as one can write them. See spread.h.

#include "engine/kern/kern.h"
#include "engine/kern/spread.h"

#include "base/attr.h"

static ALWAYS_INLINE uint8_t clamp_u8(int code)
{
    code = code < 0 ? 0 : code;
    return (uint8_t)(code < KERN_U8_MOST ? code : KERN_U8_MOST);
}

// The rows of one block beyond the first of their channels.
static ALWAYS_INLINE void spread_block(uint8_t *restrict dst,
                                       const uint16_t *restrict src,
                                       const struct kern_row *restrict row, int pixels)
{
    const uint16_t *from[KERN_BLOCK];
    for (int i = 0; i < KERN_BLOCK; i++) {
        int block = row[i].channel / KERN_BLOCK, lane = row[i].channel % KERN_BLOCK;
        from[i] = src + (ptrdiff_t)block * pixels * KERN_BLOCK + lane;
    }
    for (int p = 0; p < pixels; p++, dst += KERN_BLOCK)
        for (int i = 0; i < KERN_BLOCK; i++)
            dst[i] = clamp_u8(from[i][p * KERN_BLOCK] - row[i].from);
}

static ALWAYS_INLINE void spread(const struct kern_spread_u8 *k)
{
    const ptrdiff_t block = (ptrdiff_t)k->pixels * KERN_BLOCK, first = k->blocks * block;
    uint8_t *restrict dst = k->dst;
    const uint16_t *restrict src = k->src;
    for (ptrdiff_t i = 0; i < first; i++)
        dst[i] = clamp_u8(src[i]);
    for (int b = 0; b < k->more_blocks; b++)
        spread_block(dst + first + b * block, src, k->more + (ptrdiff_t)b * KERN_BLOCK,
                     k->pixels);
}

#define SPREAD_KERNEL(isa)                                                               \
    void kern_spread_u8_1x8_##isa(const struct kern_spread_u8 *k)                        \
    {                                                                                    \
        spread(k);                                                                       \
    }

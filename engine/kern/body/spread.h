// From codes to rows (spread.h). An instruction set says how to read eight codes apart,
// `codes` a register of them, and how to store them as a row; the rest the compiler does
// as fast.

#include "engine/kern/codes.h"
#include "engine/kern/kern.h"

// The rows of one block beyond the first of their channels.
static ALWAYS_INLINE void spread_block(uint8_t *dst, const uint16_t *src,
                                       const struct kern_row *row, ptrdiff_t block)
{
    const uint16_t *code[KERN_BLOCK], *from[KERN_BLOCK];
    for (int i = 0; i < KERN_BLOCK; i++) {
        int channel = row[i].channel;
        code[i] = src + channel / KERN_BLOCK * block + channel % KERN_BLOCK;
        from[i] = &row[i].from;
    }
    const codes below = load_apart(from, 0);
    for (ptrdiff_t p = 0; p < block; p += KERN_BLOCK)
        store_above(dst + p, load_apart(code, p), below);
}

static ALWAYS_INLINE void spread(const struct kern_spread_u8 *k)
{
    const ptrdiff_t block = (ptrdiff_t)k->pixels * KERN_BLOCK, first = k->blocks * block;
    uint8_t *restrict dst = k->dst;
    const uint16_t *restrict src = k->src;
    for (ptrdiff_t i = 0; i < first; i++)
        dst[i] = (uint8_t)(src[i] < KERN_U8_MOST ? src[i] : KERN_U8_MOST);
    for (int b = 0; b < k->more_blocks; b++)
        spread_block(dst + first + b * block, src, k->more + (ptrdiff_t)b * KERN_BLOCK,
                     block);
}

#define SPREAD_KERNEL(isa)                                                               \
    void kern_spread_u8_1x8_##isa(const struct kern_spread_u8 *k)                        \
    {                                                                                    \
        spread(k);                                                                       \
    }

// Codes under windows (codes.h): a copy, in pieces that an instruction set has registers
// for.

#include "engine/kern/codes.h"
#include "engine/kern/kern.h"

#include "base/attr.h"

#include <string.h>

// Four pixels at a time; the last four may overlap those before.
static ALWAYS_INLINE void copy_row(uint8_t *dst, const uint8_t *src, int pixels)
{
    enum { FOUR = 4 * KERN_BLOCK };
    const int bytes = pixels * KERN_BLOCK;
    if (pixels < 4) {
        for (int i = 0; i < bytes; i += KERN_BLOCK)
            memcpy(dst + i, src + i, KERN_BLOCK);
        return;
    }
    for (int i = 0; i < bytes - FOUR; i += FOUR)
        memcpy(dst + i, src + i, FOUR);
    memcpy(dst + bytes - FOUR, src + bytes - FOUR, FOUR);
}

static ALWAYS_INLINE void window(const struct kern_window_u8 *k)
{
    uint8_t *dst = k->dst;
    for (int t = 0; t < k->taps; t++)
        for (int b = 0; b < k->blocks; b++, dst += k->dst_block)
            copy_row(dst, k->in[t] + b * k->in_block, k->pixels);
}

#define WINDOW_KERNEL(isa)                                                               \
    void kern_window_u8_1x8_##isa(const struct kern_window_u8 *k)                        \
    {                                                                                    \
        window(k);                                                                       \
    }

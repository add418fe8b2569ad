#include "engine/kern/kern.h"

#include "base/attr.h"

typedef struct {
    uint16_t lane[KERN_BLOCK];
} codes;

static ALWAYS_INLINE codes load_apart(const uint16_t *const p[KERN_BLOCK], ptrdiff_t at)
{
    codes c;
    for (int i = 0; i < KERN_BLOCK; i++)
        c.lane[i] = p[i][at];
    return c;
}

static ALWAYS_INLINE void store_above(uint8_t *dst, codes c, codes below)
{
    for (int i = 0; i < KERN_BLOCK; i++) {
        int above = c.lane[i] > below.lane[i] ? c.lane[i] - below.lane[i] : 0;
        dst[i] = (uint8_t)(above < KERN_U8_MOST ? above : KERN_U8_MOST);
    }
}

#include "engine/kern/body/spread.h"

SPREAD_KERNEL(scalar)

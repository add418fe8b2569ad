#ifndef ENG_KERN_BODY_PUT_H
#define ENG_KERN_BODY_PUT_H

// Where a kernel puts its values.

#include "engine/kern/kern.h"

static ALWAYS_INLINE vec relu_if(bool relu, vec v)
{
    return relu ? vec_relu(v) : v;
}

// Eight values to element `at` of a panel.
static ALWAYS_INLINE void put(void *dst, ptrdiff_t at, enum kern_element element, vec v)
{
    if (element == KERN_F32)
        vec_store((float *)dst + at, v);
    else if (element == KERN_BF16)
        vec_store_bf16((uint16_t *)dst + at, v);
    else if (element == KERN_U12)
        vec_store_u12((uint16_t *)dst + at, v);
    else
        vec_store_u8((uint8_t *)dst + at, v);
}

// Those of two neighbours; other elements than floats stand side by side (kern.h).
static ALWAYS_INLINE void put_pair(void *dst, ptrdiff_t at, ptrdiff_t pixel,
                                   enum kern_element element, vec a, vec b)
{
    if (element == KERN_F32) {
        vec_store((float *)dst + at, a);
        vec_store((float *)dst + at + pixel, b);
    } else if (element == KERN_BF16) {
        vec_store_bf16_pair((uint16_t *)dst + at, a, b);
    } else if (element == KERN_U12) {
        vec_store_u12_pair((uint16_t *)dst + at, a, b);
    } else {
        vec_store_u8_pair((uint8_t *)dst + at, a, b);
    }
}

// Those of neighbours that stand side by side.
static ALWAYS_INLINE void put_row(void *dst, ptrdiff_t at, enum kern_element element,
                                  const float *from, int pixels)
{
    int p = 0;
    for (; element == KERN_U8 && p + 3 < pixels; p += 4, from += 32, at += 32)
        vec_store_u8_four((uint8_t *)dst + at, from);
    for (; p + 1 < pixels; p += 2, from += 16, at += 16)
        put_pair(dst, at, KERN_BLOCK, element, vec_load(from),
                 vec_load(from + KERN_BLOCK));
    if (p < pixels)
        put(dst, at, element, vec_load(from));
}

#endif

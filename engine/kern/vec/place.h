#ifndef ENG_KERN_VEC_PLACE_H
#define ENG_KERN_VEC_PLACE_H

// What every vocabulary of body/slide.h says alike: how many blocks of channels of a vec
// count, and where results go.

#include "engine/kern/kern.h"

enum blocks { ONE, TWO };

// The next vec when so many blocks are left.
static inline enum blocks blocks_of(int left, enum blocks widest)
{
    return left > (int)widest ? widest : ONE;
}

struct place {
    void *dst;
    ptrdiff_t block; // from one to the next
    enum kern_element element;
    enum blocks n;
};

#endif

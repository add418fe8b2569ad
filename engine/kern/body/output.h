#ifndef ENG_KERN_BODY_OUTPUT_H
#define ENG_KERN_BODY_OUTPUT_H

// How a tile of 256 bits ends. Read once, before the first result is written: as far as
// the compiler knows, what is written could be these.

#include "engine/kern/kern.h"

#include "base/attr.h"

struct output {
    float *c;
    const float *add, *scale, *bias;
    ptrdiff_t c_stride, add_stride;
    bool relu;
};

static ALWAYS_INLINE struct output output_of(const struct kern_gemm *k)
{
    return (struct output){k->c,        k->add,        k->scale, k->bias,
                           k->c_stride, k->add_stride, k->relu};
}

#endif

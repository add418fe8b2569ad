// The kernels of gather.h, maxpool.h and slide.h over a vec of two blocks.

#include "engine/kern/body/gather.h"
#include "engine/kern/body/maxpool.h"
#include "engine/kern/body/slide.h"

static ALWAYS_INLINE void dw3x3(const struct kern_dw3x3_f32 *k, enum kern_element element,
                                bool relu_in)
{
    slide_blocks(k, element, relu_in);
}

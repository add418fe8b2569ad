// The depthwise convolution of any window, written once over the vocabulary of vec/. See
// depthwise.h.

#include "engine/kern/body/put.h"
#include "engine/kern/depthwise.h"

static ALWAYS_INLINE void dw(const struct kern_dw_f32 *k, enum kern_element element)
{
    for (int p = 0; p < k->pixels; p++) {
        const float *const *in = k->in + p * k->taps;
        const float *w = k->weight;
        ptrdiff_t to = p * k->dst_pixel;
        for (int b = 0; b < k->blocks; b++, to += k->dst_block) {
            vec sum = vec_load(k->bias + 8 * b);
            for (int t = 0; t < k->taps; t++, w += 8)
                sum = vec_fma(relu_if(k->relu_in, vec_load(in[t] + 8 * b)), vec_load(w),
                              sum);
            put(k->dst, to, element, relu_if(k->relu_out, sum));
        }
    }
}

static ALWAYS_INLINE void dw_any(const struct kern_dw_f32 *k)
{
    if (k->element == KERN_F32)
        dw(k, KERN_F32);
    else if (k->element == KERN_BF16)
        dw(k, KERN_BF16);
    else if (k->element == KERN_U12)
        dw(k, KERN_U12);
    else
        dw(k, KERN_U8);
}

// The kernel of this file by an instruction set's name.
#define DW_KERNEL(isa)                                                                   \
    void kern_dw_f32_1x8_##isa(const struct kern_dw_f32 *k)                              \
    {                                                                                    \
        dw_any(k);                                                                       \
    }

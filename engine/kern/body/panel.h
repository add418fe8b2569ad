// The kernels that fill a left panel, written once over the vocabulary of vec/. See
// kern.h.

#include "engine/kern/body/put.h"

static ALWAYS_INLINE void gather(const struct kern_gather_f32 *k,
                                 enum kern_element element)
{
    for (int p = 0; p < k->pixels; p++) {
        ptrdiff_t to = p * k->dst_pixel;
        for (int t = 0; t < k->taps; t++) {
            const float *src = k->in[p * k->taps + t];
            for (int b = 0; b < k->blocks; b++, to += k->dst_block) {
                vec v = relu_if(k->relu, vec_load(src + 8 * b));
                if (element == KERN_U8 || element == KERN_U12)
                    v = vec_fma(v, vec_load(k->scale + 8 * b),
                                vec_load(k->shift + 8 * b));
                put(k->dst, to, element, v);
            }
        }
    }
}

static ALWAYS_INLINE void gather_any(const struct kern_gather_f32 *k)
{
    if (k->element == KERN_F32)
        gather(k, KERN_F32);
    else if (k->element == KERN_BF16)
        gather(k, KERN_BF16);
    else if (k->element == KERN_U12)
        gather(k, KERN_U12);
    else
        gather(k, KERN_U8);
}

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

// The kernels of this file by an instruction set's name.
#define PANEL_KERNELS(isa)                                                               \
    void kern_gather_f32_1x8_##isa(const struct kern_gather_f32 *k)                      \
    {                                                                                    \
        gather_any(k);                                                                   \
    }                                                                                    \
    void kern_dw_f32_1x8_##isa(const struct kern_dw_f32 *k)                              \
    {                                                                                    \
        dw_any(k);                                                                       \
    }

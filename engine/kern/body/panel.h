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
                if (element == KERN_U8)
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
    else
        dw(k, KERN_U8);
}

// What an input column gives to the three outputs that see it: the sums of its three rows
// by the weights of the window's first, second and third column.
struct column {
    vec first, second, third;
};

struct columns {
    struct column a, b;
};

// The nine taps of a block of channels, kept in registers where there are enough.
struct taps {
    vec first[3], second[3], third[3]; // columns of the window, by rows
};

static ALWAYS_INLINE struct taps load_taps(const float *w)
{
    struct taps t;
#pragma GCC unroll 3
    for (int row = 0; row < 3; row++, w += 24) {
        t.first[row] = vec_load(w);
        t.second[row] = vec_load(w + 8);
        t.third[row] = vec_load(w + 16);
    }
    return t;
}

// Two neighbours at once: six sums in step, as many as hide the latency of one.
static ALWAYS_INLINE struct columns read_columns(const float *const *in, ptrdiff_t at,
                                                 const struct taps *w, vec bias,
                                                 bool relu)
{
    struct columns c;
    vec a = relu_if(relu, vec_load(in[0] + at)), b = relu_if(relu, vec_load(in[3] + at));
    c.a.first = vec_fma(a, w->first[0], bias), c.b.first = vec_fma(b, w->first[0], bias);
    c.a.second = vec_mul(a, w->second[0]), c.b.second = vec_mul(b, w->second[0]);
    c.a.third = vec_mul(a, w->third[0]), c.b.third = vec_mul(b, w->third[0]);
#pragma GCC unroll 2
    for (int row = 1; row < 3; row++) {
        a = relu_if(relu, vec_load(in[row] + at));
        b = relu_if(relu, vec_load(in[3 + row] + at));
        c.a.first = vec_fma(a, w->first[row], c.a.first);
        c.b.first = vec_fma(b, w->first[row], c.b.first);
        c.a.second = vec_fma(a, w->second[row], c.a.second);
        c.b.second = vec_fma(b, w->second[row], c.b.second);
        c.a.third = vec_fma(a, w->third[row], c.a.third);
        c.b.third = vec_fma(b, w->third[row], c.b.third);
    }
    return c;
}

// What the last column gives to the output in front of it.
static ALWAYS_INLINE vec read_last(const float *const *in, ptrdiff_t at,
                                   const struct taps *w, bool relu)
{
    vec sum = vec_mul(relu_if(relu, vec_load(in[0] + at)), w->third[0]);
#pragma GCC unroll 2
    for (int row = 1; row < 3; row++)
        sum = vec_fma(relu_if(relu, vec_load(in[row] + at)), w->third[row], sum);
    return sum;
}

// Slides along the row: every input column is read once. `left` is the sum of two columns
// for the next output, `here` that of one for the output behind it. Each output is
// (first + second) + third, wherever it stands in the row.
static ALWAYS_INLINE void dw3x3(const struct kern_dw_f32 *k, enum kern_element element,
                                bool relu_in)
{
    const ptrdiff_t pixel = k->dst_pixel;
    const bool relu_out = k->relu_out;
    const int pixels = k->pixels;
    void *dst = k->dst;
    for (int block = 0; block < k->blocks; block++) {
        const ptrdiff_t at = 8 * block;
        const struct taps w = load_taps(k->weight + 9 * at);
        const vec bias = vec_load(k->bias + at);
        const float *const *in = k->in;
        ptrdiff_t to = block * k->dst_block;
        struct columns c = read_columns(in, at, &w, bias, relu_in);
        vec left = vec_add(c.a.first, c.b.second), here = c.b.first;
        int p = 0;
        for (; p < pixels - 2; p += 2, to += 2 * pixel) {
            in += 6;
            c = read_columns(in, at, &w, bias, relu_in);
            vec first = relu_if(relu_out, vec_add(left, c.a.third));
            vec second = vec_add(vec_add(here, c.a.second), c.b.third);
            put_pair(dst, to, pixel, element, first, relu_if(relu_out, second));
            left = vec_add(c.a.first, c.b.second);
            here = c.b.first;
        }
        in += 6;
        if (p + 2 == pixels) {
            c = read_columns(in, at, &w, bias, relu_in);
            vec second = vec_add(vec_add(here, c.a.second), c.b.third);
            put(dst, to + pixel, element, relu_if(relu_out, second));
        } else {
            c.a.third = read_last(in, at, &w, relu_in);
        }
        put(dst, to, element, relu_if(relu_out, vec_add(left, c.a.third)));
    }
}

static ALWAYS_INLINE void dw3x3_any(const struct kern_dw_f32 *k)
{
    if (k->element == KERN_F32 && k->relu_in)
        dw3x3(k, KERN_F32, true);
    else if (k->element == KERN_F32)
        dw3x3(k, KERN_F32, false);
    else if (k->element == KERN_BF16 && k->relu_in)
        dw3x3(k, KERN_BF16, true);
    else if (k->element == KERN_BF16)
        dw3x3(k, KERN_BF16, false);
    else if (k->relu_in)
        dw3x3(k, KERN_U8, true);
    else
        dw3x3(k, KERN_U8, false);
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
    }                                                                                    \
    void kern_dw3x3_f32_1x8_##isa(const struct kern_dw_f32 *k)                           \
    {                                                                                    \
        dw3x3_any(k);                                                                    \
    }

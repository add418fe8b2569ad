// The streaming kernels, written once over the vocabulary of vec/ and included by one
// file of each instruction set. See kern.h for what they compute.

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
    else
        vec_store_u8((uint8_t *)dst + at, v);
}

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

// Two neighbours at once: six sums in step, as many as hide the latency of one.
static ALWAYS_INLINE struct columns read_columns(const float *const *in, ptrdiff_t at,
                                                 const float *w, vec bias, bool relu)
{
    struct columns c;
    vec a = relu_if(relu, vec_load(in[0] + at)), b = relu_if(relu, vec_load(in[3] + at));
    vec w0 = vec_load(w), w1 = vec_load(w + 8), w2 = vec_load(w + 16);
    c.a.first = vec_fma(a, w0, bias), c.b.first = vec_fma(b, w0, bias);
    c.a.second = vec_mul(a, w1), c.b.second = vec_mul(b, w1);
    c.a.third = vec_mul(a, w2), c.b.third = vec_mul(b, w2);
    for (int row = 1; row < 3; row++) {
        a = relu_if(relu, vec_load(in[row] + at));
        b = relu_if(relu, vec_load(in[3 + row] + at));
        w0 = vec_load(w + 24 * row), w1 = vec_load(w + 24 * row + 8);
        w2 = vec_load(w + 24 * row + 16);
        c.a.first = vec_fma(a, w0, c.a.first), c.b.first = vec_fma(b, w0, c.b.first);
        c.a.second = vec_fma(a, w1, c.a.second), c.b.second = vec_fma(b, w1, c.b.second);
        c.a.third = vec_fma(a, w2, c.a.third), c.b.third = vec_fma(b, w2, c.b.third);
    }
    return c;
}

static ALWAYS_INLINE vec read_column(const float *const *in, ptrdiff_t at, const float *w,
                                     bool relu)
{
    vec sum = vec_mul(relu_if(relu, vec_load(in[0] + at)), vec_load(w));
    for (int row = 1; row < 3; row++)
        sum = vec_fma(relu_if(relu, vec_load(in[row] + at)), vec_load(w + 24 * row), sum);
    return sum;
}

// Slides along the row: every input column is read once. `left` is the sum of two columns
// for the next output, `here` that of one for the output behind it. Each output is
// (first + second) + third, wherever it stands in the row.
static ALWAYS_INLINE void dw3x3(const struct kern_dw_f32 *k, enum kern_element element,
                                bool relu_in)
{
    const float *w = k->weight;
    const ptrdiff_t pixel = k->dst_pixel;
    const bool relu_out = k->relu_out;
    const int pixels = k->pixels;
    void *dst = k->dst;
    for (int block = 0; block < k->blocks; block++, w += 72) {
        const ptrdiff_t at = 8 * block;
        const vec bias = vec_load(k->bias + at);
        const float *const *in = k->in;
        ptrdiff_t to = block * k->dst_block;
        struct columns c = read_columns(in, at, w, bias, relu_in);
        vec left = vec_add(c.a.first, c.b.second), here = c.b.first;
        int p = 0;
        for (; p < pixels - 2; p += 2, to += 2 * pixel) {
            in += 6;
            c = read_columns(in, at, w, bias, relu_in);
            put(dst, to, element, relu_if(relu_out, vec_add(left, c.a.third)));
            vec second = vec_add(vec_add(here, c.a.second), c.b.third);
            put(dst, to + pixel, element, relu_if(relu_out, second));
            left = vec_add(c.a.first, c.b.second);
            here = c.b.first;
        }
        in += 6;
        if (p + 2 == pixels) {
            c = read_columns(in, at, w, bias, relu_in);
            vec second = vec_add(vec_add(here, c.a.second), c.b.third);
            put(dst, to + pixel, element, relu_if(relu_out, second));
        } else {
            c.a.third = read_column(in, at, w + 16, relu_in);
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

static ALWAYS_INLINE void maxpool(const struct kern_maxpool_f32 *k)
{
    for (int p = 0; p < k->pixels; p++) {
        const float *const *in = k->in + p * k->taps;
        float *dst = k->dst + p * k->dst_pixel;
        for (int b = 0; b < k->blocks; b++) {
            vec v = vec_load(in[0] + 8 * b);
            for (int t = 1; t < k->taps; t++)
                v = vec_max(v, vec_load(in[t] + 8 * b));
            if (k->add)
                v = vec_add(v, vec_load(k->add + p * k->add_pixel + 8 * b));
            vec_store(dst + 8 * b, relu_if(k->relu, v));
        }
    }
}

static ALWAYS_INLINE void affine(const struct kern_affine_f32 *k)
{
    for (size_t p = 0; p < k->pixels; p++) {
        ptrdiff_t at = (ptrdiff_t)p * k->pixel;
        for (int c = 0; c < 8 * k->blocks; c += 8) {
            vec v = vec_load(k->src + at + c);
            if (k->weight)
                v = vec_fma(v, vec_load(k->weight + c), vec_load(k->bias + c));
            if (k->add)
                v = vec_add(v, vec_load(k->add + at + c));
            vec_store(k->dst + at + c, relu_if(k->relu, v));
        }
    }
}

static ALWAYS_INLINE void sum(const struct kern_sum_f32 *k)
{
    for (int b = 0; b < k->blocks; b++) {
        vec total = vec_set(0);
        for (size_t p = 0; p < k->pixels; p++)
            total = vec_add(total, vec_load(k->src + (ptrdiff_t)p * k->pixel + 8 * b));
        vec_store(k->dst + 8 * b, vec_mul(total, vec_set(k->scale)));
    }
}

// Independent chains of multiply-adds. Ten hide the latency of every CPU in question, and
// on Zen more of them run slower: a sum that no longer comes straight from the unit that
// made it costs a read port. Where a vec takes two registers, six are what fits. Chains
// start apart, lanes differ, and every lane is carried, multiplied and used: a compiler
// would otherwise leave part of it out.
static ALWAYS_INLINE double peak(long rounds, float *sink, bool ten)
{
    static const float lanes[] = {1e-9F, 2e-9F, 3e-9F, 4e-9F, 5e-9F, 6e-9F, 7e-9F, 8e-9F};
    const float s = *sink;
    vec x = vec_set(s), y = vec_load(lanes);
    vec a = x, b = vec_set(s + 1), c = vec_set(s + 2), d = vec_set(s + 3);
    vec e = vec_set(s + 4), f = vec_set(s + 5), g = vec_set(s + 6), h = vec_set(s + 7);
    vec i = vec_set(s + 8), j = vec_set(s + 9);
    for (long r = 0; r < rounds; r++) {
        a = vec_fma(a, y, x), b = vec_fma(b, y, x), c = vec_fma(c, y, x);
        d = vec_fma(d, y, x), e = vec_fma(e, y, x), f = vec_fma(f, y, x);
        if (ten) {
            g = vec_fma(g, y, x), h = vec_fma(h, y, x), i = vec_fma(i, y, x);
            j = vec_fma(j, y, x);
        }
    }
    a = vec_add(vec_add(vec_add(a, b), vec_add(c, d)), vec_add(e, f));
    float out[8];
    vec_store(out, vec_add(a, vec_add(vec_add(g, h), vec_add(i, j))));
    *sink = 0;
    for (int lane = 0; lane < 8; lane++)
        *sink += out[lane];
    return (double)rounds * (ten ? 10 : 6) * 8 * 2;
}

// The kernels of this file by an instruction set's name: those that fill panels, the
// others, and the peak, ten as above.
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
#define VALUE_KERNELS(isa)                                                               \
    void kern_maxpool_f32_1x8_##isa(const struct kern_maxpool_f32 *k)                    \
    {                                                                                    \
        maxpool(k);                                                                      \
    }                                                                                    \
    void kern_affine_f32_1x8_##isa(const struct kern_affine_f32 *k)                      \
    {                                                                                    \
        affine(k);                                                                       \
    }                                                                                    \
    void kern_sum_f32_1x8_##isa(const struct kern_sum_f32 *k)                            \
    {                                                                                    \
        sum(k);                                                                          \
    }
#define PEAK_KERNEL(isa, ten)                                                            \
    double kern_peak_f32_1x8_##isa(long rounds, float *sink)                             \
    {                                                                                    \
        return peak(rounds, sink, ten);                                                  \
    }

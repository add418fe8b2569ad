// The streaming kernels, written once over the vocabulary of vec/ and included by one
// file of each instruction set. See kern.h for what they compute.

#include "engine/kern/kern.h"

static ALWAYS_INLINE vec relu_if(bool relu, vec v)
{
    return relu ? vec_max(v, vec_set(0)) : v;
}

static ALWAYS_INLINE void gather(const struct kern_gather_f32 *k, bool relu)
{
    for (int p = 0; p < k->pixels; p++) {
        float *dst = k->dst + p * k->dst_pixel;
        for (int t = 0; t < k->taps; t++) {
            const float *src = k->in[p * k->taps + t];
            for (int b = 0; b < k->blocks; b++, dst += k->dst_block)
                vec_store(dst, relu_if(relu, vec_load(src + 8 * b)));
        }
    }
}

static ALWAYS_INLINE void dw(const struct kern_dw_f32 *k, bool relu_in)
{
    for (int p = 0; p < k->pixels; p++) {
        const float *const *in = k->in + p * k->taps;
        const float *w = k->weight;
        float *dst = k->dst + p * k->dst_pixel;
        for (int b = 0; b < k->blocks; b++, dst += k->dst_block) {
            vec sum = vec_load(k->bias + 8 * b);
            for (int t = 0; t < k->taps; t++, w += 8)
                sum =
                    vec_fma(relu_if(relu_in, vec_load(in[t] + 8 * b)), vec_load(w), sum);
            vec_store(dst, relu_if(k->relu_out, sum));
        }
    }
}

// One column of the window: three weights on three rows.
static ALWAYS_INLINE vec column(vec w0, vec w1, vec w2, vec v0, vec v1, vec v2)
{
    return vec_fma(v2, w2, vec_fma(v1, w1, vec_mul(v0, w0)));
}

#define READ_COLUMN(x)                                                                   \
    vec v0 = relu_if(relu_in, vec_load(in[3 * (x)] + 8 * b));                            \
    vec v1 = relu_if(relu_in, vec_load(in[3 * (x) + 1] + 8 * b));                        \
    vec v2 = relu_if(relu_in, vec_load(in[3 * (x) + 2] + 8 * b))

// Slides along the row: every input column is read once and feeds the three outputs that
// see it; `left` and `here` are the sums of the two that still wait for columns.
static ALWAYS_INLINE void dw3x3(const struct kern_dw_f32 *k, bool relu_in)
{
    const float *const *in = k->in;
    const float *w = k->weight;
    const float floor_out = k->relu_out ? 0 : -__builtin_inff();
    for (int b = 0; b < k->blocks; b++, w += 72) {
        vec w00 = vec_load(w), w01 = vec_load(w + 8), w02 = vec_load(w + 16);
        vec w10 = vec_load(w + 24), w11 = vec_load(w + 32), w12 = vec_load(w + 40);
        vec w20 = vec_load(w + 48), w21 = vec_load(w + 56), w22 = vec_load(w + 64);
        float *dst = k->dst + b * k->dst_block;
        vec left, here;
        {
            READ_COLUMN(0);
            here = column(w00, w10, w20, v0, v1, v2);
        }
        {
            READ_COLUMN(1);
            left = vec_add(here, column(w01, w11, w21, v0, v1, v2));
            here = column(w00, w10, w20, v0, v1, v2);
        }
        const vec bias = vec_load(k->bias + 8 * b), low = vec_set(floor_out);
        for (int p = 0; p < k->pixels - 1; p++, dst += k->dst_pixel) {
            READ_COLUMN(p + 2);
            vec sum = vec_add(left, column(w02, w12, w22, v0, v1, v2));
            vec_store(dst, vec_max(vec_add(sum, bias), low));
            left = vec_add(here, column(w01, w11, w21, v0, v1, v2));
            here = column(w00, w10, w20, v0, v1, v2);
        }
        READ_COLUMN(k->pixels + 1);
        vec sum = vec_add(left, column(w02, w12, w22, v0, v1, v2));
        vec_store(dst, vec_max(vec_add(sum, bias), low));
    }
}

#undef READ_COLUMN

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

// Ten chains hide the latency of every CPU in question, and on Zen more of them run
// slower: a sum that no longer comes straight from the unit that made it costs a read
// port. They start apart, or the compiler would see that they are one.
static ALWAYS_INLINE double peak(long rounds, float *sink)
{
    const float s = *sink;
    vec x = vec_set(s), y = vec_set(1e-9F);
    vec a = x, b = vec_set(s + 1), c = vec_set(s + 2), d = vec_set(s + 3);
    vec e = vec_set(s + 4), f = vec_set(s + 5), g = vec_set(s + 6), h = vec_set(s + 7);
    vec i = vec_set(s + 8), j = vec_set(s + 9);
    for (long r = 0; r < rounds; r++) {
        a = vec_fma(x, y, a), b = vec_fma(x, y, b), c = vec_fma(x, y, c);
        d = vec_fma(x, y, d), e = vec_fma(x, y, e), f = vec_fma(x, y, f);
        g = vec_fma(x, y, g), h = vec_fma(x, y, h), i = vec_fma(x, y, i);
        j = vec_fma(x, y, j);
    }
    a = vec_add(vec_add(vec_add(a, b), vec_add(c, d)), vec_add(e, f));
    float out[8];
    vec_store(out, vec_add(a, vec_add(vec_add(g, h), vec_add(i, j))));
    *sink = out[0];
    return (double)rounds * 10 * 8 * 2;
}

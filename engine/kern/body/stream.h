// The streaming kernels, written once over the vocabulary of vec/ and included by one
// file of each instruction set. See kern.h for what they compute.

#include "engine/kern/body/put.h"

// A copy of k: nothing that is written may be part of it.
static ALWAYS_INLINE void affine(const struct kern_affine_f32 k)
{
    for (size_t p = 0; p < k.pixels; p++) {
        ptrdiff_t at = (ptrdiff_t)p * k.pixel;
        for (ptrdiff_t c = 0; c < 8 * k.blocks; c += 8) {
            vec v = vec_load(k.src + at + c);
            if (k.weight)
                v = vec_fma(v, vec_load(k.weight + c), vec_load(k.bias + c));
            if (k.add)
                v = vec_add(v, vec_load(k.add + at + c));
            vec_store(k.dst + at + c, relu_if(k.relu, v));
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

// The kernels of this file by an instruction set's name; ten as for peak().
#define VALUE_KERNELS(isa)                                                               \
    void kern_affine_f32_1x8_##isa(const struct kern_affine_f32 *k)                      \
    {                                                                                    \
        affine(*k);                                                                      \
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

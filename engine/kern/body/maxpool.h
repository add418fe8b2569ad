// Maximum pooling, written once over the vocabulary of a vec/ header that has `vec`, of
// one or two blocks of channels, as slide.h is. See kern.h.

static ALWAYS_INLINE vec pool(const float *const *in, int taps, ptrdiff_t at,
                              enum blocks n)
{
    vec v = load(in[0] + at, n);
#pragma GCC unroll 9
    for (int t = 1; t < taps; t++)
        v = vec_max(v, load(in[t] + at, n));
    return v;
}

static ALWAYS_INLINE void pool_pixel(const struct kern_maxpool_f32 *k, int p,
                                     const float *const *in, int taps)
{
    const float *add = k->add ? k->add + p * k->add_pixel : NULL;
    float *dst = k->dst + p * k->dst_pixel;
    for (int block = 0; block < k->blocks; block += 1 + (int)WIDEST) {
        const enum blocks n = blocks_of(k->blocks - block, WIDEST);
        const ptrdiff_t at = 8 * (ptrdiff_t)block;
        vec v = pool(in, taps, at, n);
        if (add)
            v = vec_add(v, load(add + at, n));
        store(dst + at, relu_if(k->relu, v), n);
    }
}

// Pointers to the usual window stay in registers. In 512 bits that takes 0.30 ms for 0.42
// behind Xception's block 1 (Zen 4, 28 November 2026).
static ALWAYS_INLINE void maxpool(const struct kern_maxpool_f32 *k)
{
    for (int p = 0; p < k->pixels; p++) {
        const float *const *in = k->in + (ptrdiff_t)p * k->taps;
        const float *nine[9];
        if (k->taps != 9) {
            pool_pixel(k, p, in, k->taps);
            continue;
        }
#pragma GCC unroll 9
        for (int t = 0; t < 9; t++)
            nine[t] = in[t];
        pool_pixel(k, p, nine, 9);
    }
}

// The kernel of this file by an instruction set's name and the channels of a vec.
#define MAXPOOL_KERNEL(isa, channels)                                                    \
    void kern_maxpool_f32_1x##channels##_##isa(const struct kern_maxpool_f32 *k)         \
    {                                                                                    \
        maxpool(k);                                                                      \
    }

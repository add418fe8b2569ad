// Pixels under windows to a left panel, written once over the vocabulary of a vec/ header
// that has `vec`, of one or two blocks of channels, as slide.h is. See kern.h.

static ALWAYS_INLINE vec gather_one(const struct kern_gather_f32 *k, const float *src,
                                    ptrdiff_t at, enum kern_element element,
                                    enum blocks n)
{
    vec v = relu_if(k->relu, load(src + at, n));
    if (element == KERN_U8 || element == KERN_U12)
        v = vec_fma(v, load(k->scale + at, n), load(k->shift + at, n));
    return v;
}

// Pixel p, and with `both` its neighbour too, under tap t.
static ALWAYS_INLINE void gather_tap(const struct kern_gather_f32 *k, int p, int t,
                                     bool both, enum kern_element element)
{
    const float *src = k->in[(ptrdiff_t)p * k->taps + t];
    const float *next = both ? k->in[(ptrdiff_t)(p + 1) * k->taps + t] : src;
    struct place to = {k->dst, k->dst_block, element, WIDEST};
    ptrdiff_t dst = p * k->dst_pixel + (ptrdiff_t)t * k->blocks * k->dst_block;
    const int step = 1 + (int)WIDEST;
    for (int block = 0; block < k->blocks; block += step, dst += step * k->dst_block) {
        to.n = blocks_of(k->blocks - block, WIDEST);
        vec a = gather_one(k, src, 8 * (ptrdiff_t)block, element, to.n);
        if (both)
            put_neighbours(&to, dst, k->dst_pixel, a,
                           gather_one(k, next, 8 * (ptrdiff_t)block, element, to.n));
        else
            put_one(&to, dst, a);
    }
}

static ALWAYS_INLINE void gather(const struct kern_gather_f32 *k,
                                 enum kern_element element)
{
    int p = 0;
    for (; p + 1 < k->pixels; p += 2)
        for (int t = 0; t < k->taps; t++)
            gather_tap(k, p, t, true, element);
    for (int t = 0; p < k->pixels && t < k->taps; t++)
        gather_tap(k, p, t, false, element);
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

// The kernel of this file by an instruction set's name and the channels of a vec.
#define GATHER_KERNEL(isa, channels)                                                     \
    void kern_gather_f32_1x##channels##_##isa(const struct kern_gather_f32 *k)           \
    {                                                                                    \
        gather_any(k);                                                                   \
    }

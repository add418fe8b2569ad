// The transforms of Winograd's F(4x4, 3x3) with the points 0, 1, -1, 2, -2 (Lavin and
// Gray, "Fast Algorithms for Convolutional Neural Networks", 2015), over the vocabulary
// of vec/.

#include "engine/kern/kern.h"

struct six {
    vec a, b, c, d, e, f;
};

// One dimension of the input's transform.
static ALWAYS_INLINE struct six points_of(struct six x)
{
    const vec two = vec_set(2), minus4 = vec_set(-4), four = vec_set(4),
              minus5 = vec_set(-5);
    vec even = vec_fma(x.c, minus4, x.e), odd = vec_fma(x.b, minus4, x.d);
    vec half_even = vec_sub(x.e, x.c), half_odd = vec_sub(x.d, x.b);
    half_odd = vec_mul(half_odd, two);
    return (struct six){vec_fma(x.a, four, vec_fma(x.c, minus5, x.e)),
                        vec_add(even, odd),
                        vec_sub(even, odd),
                        vec_add(half_even, half_odd),
                        vec_sub(half_even, half_odd),
                        vec_fma(x.b, four, vec_fma(x.d, minus5, x.f))};
}

// One dimension of the output's transform: the first four members.
static ALWAYS_INLINE struct six pixels_of(struct six m)
{
    const vec two = vec_set(2), four = vec_set(4), eight = vec_set(8);
    vec sum1 = vec_add(m.b, m.c), difference1 = vec_sub(m.b, m.c);
    vec sum2 = vec_add(m.d, m.e), difference2 = vec_sub(m.d, m.e);
    return (struct six){.a = vec_add(vec_add(m.a, sum1), sum2),
                        .b = vec_fma(difference2, two, difference1),
                        .c = vec_fma(sum2, four, sum1),
                        .d = vec_add(vec_fma(difference2, eight, difference1), m.f)};
}

static ALWAYS_INLINE void wino_in(const struct kern_wino_in_f32 *k, bool relu)
{
    for (int b = 0; b < k->blocks; b++) {
        vec half[KERN_WINO_PLACES];
        for (int x = 0; x < 6; x++) {
            vec column[6];
            for (int y = 0; y < 6; y++) {
                column[y] = vec_load(k->in[6 * y + x] + 8 * b);
                if (relu)
                    column[y] = vec_relu(column[y]);
            }
            struct six p = points_of((struct six){column[0], column[1], column[2],
                                                  column[3], column[4], column[5]});
            half[x] = p.a, half[6 + x] = p.b, half[12 + x] = p.c;
            half[18 + x] = p.d, half[24 + x] = p.e, half[30 + x] = p.f;
        }
        float *dst = k->dst + b * k->dst_block;
        for (const vec *row = half; row < half + KERN_WINO_PLACES; row += 6) {
            struct six p =
                points_of((struct six){row[0], row[1], row[2], row[3], row[4], row[5]});
            vec_store(dst, p.a);
            vec_store(dst + k->dst_place, p.b);
            vec_store(dst + 2 * k->dst_place, p.c);
            vec_store(dst + 3 * k->dst_place, p.d);
            vec_store(dst + 4 * k->dst_place, p.e);
            vec_store(dst + 5 * k->dst_place, p.f);
            dst += 6 * k->dst_place;
        }
    }
}

static ALWAYS_INLINE void wino_out(const struct kern_wino_out_f32 *k)
{
    for (int b = 0; b < k->blocks; b++) {
        vec half[4 * 6];
        const float *src = k->src + 8 * b;
        for (int x = 0; x < 6; x++, src += k->src_place) {
            ptrdiff_t row = 6 * k->src_place;
            struct six p =
                pixels_of((struct six){vec_load(src), vec_load(src + row),
                                       vec_load(src + 2 * row), vec_load(src + 3 * row),
                                       vec_load(src + 4 * row), vec_load(src + 5 * row)});
            half[x] = p.a, half[6 + x] = p.b, half[12 + x] = p.c, half[18 + x] = p.d;
        }
        const vec bias = vec_load(k->bias + 8 * b);
        const vec low = vec_set(k->relu ? 0 : -__builtin_inff());
        for (int y = 0; y < k->rows; y++) {
            const vec *m = half + 6 * y;
            struct six p = pixels_of((struct six){m[0], m[1], m[2], m[3], m[4], m[5]});
            const vec pixels[4] = {p.a, p.b, p.c, p.d};
            float *dst = k->dst + y * k->dst_row + 8 * b;
            for (int x = 0; x < k->cols; x++)
                vec_store(dst + x * k->dst_pixel, vec_max(vec_add(pixels[x], bias), low));
        }
    }
}

#define WINOGRAD_KERNELS(isa)                                                            \
    void kern_wino_in_f32_6x6_##isa(const struct kern_wino_in_f32 *k)                    \
    {                                                                                    \
        if (k->relu)                                                                     \
            wino_in(k, true);                                                            \
        else                                                                             \
            wino_in(k, false);                                                           \
    }                                                                                    \
    void kern_wino_out_f32_4x4_##isa(const struct kern_wino_out_f32 *k)                  \
    {                                                                                    \
        wino_out(k);                                                                     \
    }

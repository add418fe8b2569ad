// The depthwise 3×3 that slides along a row, written once over the vocabulary of a vec/
// header that has `vec`, of one or two blocks of channels. See kern.h.
//
// enum blocks (vec/place.h) says how many of them count; a vec of one block ignores it.

#include "engine/kern/depthwise.h"

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

static ALWAYS_INLINE struct taps load_taps(const float *w, enum blocks n)
{
    struct taps t;
#pragma GCC unroll 3
    for (int row = 0; row < 3; row++, w += 24) {
        t.first[row] = load_apart(w, 72, n);
        t.second[row] = load_apart(w + 8, 72, n);
        t.third[row] = load_apart(w + 16, 72, n);
    }
    return t;
}

// Two neighbours at once: six sums in step, as many as hide the latency of one.
static ALWAYS_INLINE struct columns read_columns(const float *const *in, ptrdiff_t at,
                                                 const struct taps *w, vec bias,
                                                 bool relu, enum blocks n)
{
    struct columns c;
    vec a = relu_if(relu, load(in[0] + at, n)), b = relu_if(relu, load(in[3] + at, n));
    c.a.first = vec_fma(a, w->first[0], bias), c.b.first = vec_fma(b, w->first[0], bias);
    c.a.second = vec_mul(a, w->second[0]), c.b.second = vec_mul(b, w->second[0]);
    c.a.third = vec_mul(a, w->third[0]), c.b.third = vec_mul(b, w->third[0]);
#pragma GCC unroll 2
    for (int row = 1; row < 3; row++) {
        a = relu_if(relu, load(in[row] + at, n));
        b = relu_if(relu, load(in[3 + row] + at, n));
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
                                   const struct taps *w, bool relu, enum blocks n)
{
    vec sum = vec_mul(relu_if(relu, load(in[0] + at, n)), w->third[0]);
#pragma GCC unroll 2
    for (int row = 1; row < 3; row++)
        sum = vec_fma(relu_if(relu, load(in[row] + at, n)), w->third[row], sum);
    return sum;
}

// One column, where a piece of odd length ends and the next goes on.
static ALWAYS_INLINE struct column read_column(const float *const *in, ptrdiff_t at,
                                               const struct taps *w, vec bias, bool relu,
                                               enum blocks n)
{
    struct column c;
    vec a = relu_if(relu, load(in[0] + at, n));
    c.first = vec_fma(a, w->first[0], bias);
    c.second = vec_mul(a, w->second[0]);
    c.third = vec_mul(a, w->third[0]);
#pragma GCC unroll 2
    for (int row = 1; row < 3; row++) {
        a = relu_if(relu, load(in[row] + at, n));
        c.first = vec_fma(a, w->first[row], c.first);
        c.second = vec_fma(a, w->second[row], c.second);
        c.third = vec_fma(a, w->third[row], c.third);
    }
    return c;
}

// Slides along the row: every input column is read once. `left` is the sum of two columns
// for the next output, `here` that of one for the output behind it. Each output is
// (first + second) + third, wherever it stands in the row and in a piece.
static ALWAYS_INLINE void slide(const struct kern_dw3x3_f32 *k, int block, enum blocks n,
                                enum kern_element element, bool relu_in)
{
    const ptrdiff_t at = 8 * (ptrdiff_t)block, pixel = k->dst_pixel;
    const bool relu_out = k->relu_out;
    const struct taps w = load_taps(k->weight + 9 * at, n);
    const vec bias = load(k->bias + at, n);
    const float *const *in = k->in;
    struct columns c = read_columns(in, at, &w, bias, relu_in, n);
    vec left = vec_add(c.a.first, c.b.second), here = c.b.first;
    in += 6;
    for (const struct kern_piece *piece = k->to, *last = piece + k->pieces - 1;;
         piece++) {
        const struct place to = {piece->dst, piece->dst_block, element, n};
        const int behind = piece < last ? 1 : 2; // the row's end reads no further column
        ptrdiff_t p = block * piece->dst_block;
        int rest = piece->pixels;
        for (; rest > behind; rest -= 2, p += 2 * pixel, in += 6) {
            c = read_columns(in, at, &w, bias, relu_in, n);
            __builtin_prefetch(in[2] + at + k->ahead, 0, 2);
            __builtin_prefetch(in[5] + at + k->ahead, 0, 2);
            vec first = relu_if(relu_out, vec_add(left, c.a.third));
            vec second = vec_add(vec_add(here, c.a.second), c.b.third);
            put_neighbours(&to, p, pixel, first, relu_if(relu_out, second));
            left = vec_add(c.a.first, c.b.second);
            here = c.b.first;
        }
        if (rest == 2) {
            c = read_columns(in, at, &w, bias, relu_in, n);
            vec second = vec_add(vec_add(here, c.a.second), c.b.third);
            put_one(&to, p + pixel, relu_if(relu_out, second));
        } else if (piece == last) {
            c.a.third = read_last(in, at, &w, relu_in, n);
        } else if (rest == 1) {
            c.a = read_column(in, at, &w, bias, relu_in, n);
        } else {
            continue;
        }
        put_one(&to, p, relu_if(relu_out, vec_add(left, c.a.third)));
        if (piece == last)
            break;
        left = vec_add(here, c.a.second);
        here = c.a.first;
        in += 3;
    }
}

static ALWAYS_INLINE void slide_blocks(const struct kern_dw3x3_f32 *k,
                                       enum kern_element element, bool relu_in)
{
    int block = 0;
    for (; block < k->blocks - 1; block += 1 + (int)WIDEST)
        slide(k, block, WIDEST, element, relu_in);
    if (block < k->blocks)
        slide(k, block, ONE, element, relu_in);
}

// Includers say how the results become elements.
static ALWAYS_INLINE void dw3x3(const struct kern_dw3x3_f32 *k, enum kern_element element,
                                bool relu_in);

static ALWAYS_INLINE void dw3x3_any(const struct kern_dw3x3_f32 *k)
{
    if (k->element == KERN_F32 && k->relu_in)
        dw3x3(k, KERN_F32, true);
    else if (k->element == KERN_F32)
        dw3x3(k, KERN_F32, false);
    else if (k->element == KERN_BF16 && k->relu_in)
        dw3x3(k, KERN_BF16, true);
    else if (k->element == KERN_BF16)
        dw3x3(k, KERN_BF16, false);
    else if (k->element == KERN_U12 && k->relu_in)
        dw3x3(k, KERN_U12, true);
    else if (k->element == KERN_U12)
        dw3x3(k, KERN_U12, false);
    else if (k->relu_in)
        dw3x3(k, KERN_U8, true);
    else
        dw3x3(k, KERN_U8, false);
}

// The kernel of this file by an instruction set's name and the channels of a vec.
#define SLIDE_KERNEL(isa, channels)                                                      \
    void kern_dw3x3_f32_1x##channels##_##isa(const struct kern_dw3x3_f32 *k)             \
    {                                                                                    \
        dw3x3_any(k);                                                                    \
    }

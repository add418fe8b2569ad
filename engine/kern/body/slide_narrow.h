// A vec of one block for gather.h, maxpool.h and slide.h, over the vocabulary of
// vec_<isa>.h and of put.h.

#include "engine/kern/vec/place.h"

#define WIDEST ONE

static ALWAYS_INLINE vec load(const float *p, enum blocks n)
{
    (void)n;
    return vec_load(p);
}

static ALWAYS_INLINE vec load_apart(const float *p, ptrdiff_t apart, enum blocks n)
{
    (void)apart, (void)n;
    return vec_load(p);
}

static ALWAYS_INLINE void store(float *p, vec v, enum blocks n)
{
    (void)n;
    vec_store(p, v);
}

static ALWAYS_INLINE void put_one(const struct place *to, ptrdiff_t at, vec v)
{
    put(to->dst, at, to->element, v);
}

static ALWAYS_INLINE void put_neighbours(const struct place *to, ptrdiff_t at,
                                         ptrdiff_t pixel, vec a, vec b)
{
    put_pair(to->dst, at, pixel, to->element, a, b);
}

#include "engine/kern/body/gather.h"
#include "engine/kern/body/maxpool.h"
#include "engine/kern/body/slide.h"

// Blocks whose floats stay in the L1 cache while they wait to become elements.
enum { GROUP = 8 };

// The floats of all pixels in a group of blocks, to where they belong.
static ALWAYS_INLINE void put_group(const struct kern_dw3x3_f32 *k, int block, int blocks,
                                    enum kern_element element,
                                    float (*from)[KERN_STRIP * KERN_BLOCK])
{
    ptrdiff_t pixel = 0;
    for (int i = 0; i < k->pieces; i++) {
        const struct kern_piece to = k->to[i];
        for (int b = 0; b < blocks; b++)
            put_row(to.dst, (block + b) * to.dst_block, element,
                    from[b] + pixel * KERN_BLOCK, to.pixels);
        pixel += to.pixels;
    }
}

// Elements other than floats are made from floats, four pixels at a time. Made as the
// sums come they take more instructions and lengthen each sum's chain by five: a block's
// pixel to u8 takes 7.6 ticks so for 8.3, 10.1 for 12.9 beside a busy neighbour on the
// core; its multiply-adds alone 3.5 (Zen 3, 28 November 2026).
static ALWAYS_INLINE void slide_by_floats(const struct kern_dw3x3_f32 *k,
                                          enum kern_element element, bool relu_in)
{
    float group[GROUP][KERN_STRIP * KERN_BLOCK];
    struct kern_piece row = {0};
    for (int i = 0; i < k->pieces; i++)
        row.pixels += k->to[i].pixels;
    struct kern_dw3x3_f32 floats = *k;
    floats.to = &row;
    floats.pieces = 1;
    floats.dst_pixel = KERN_BLOCK;
    for (int block = 0, n; block < k->blocks; block += n) {
        n = k->blocks - block < GROUP ? k->blocks - block : GROUP;
        for (int b = 0; b < n; b++) {
            row.dst = group[b];
            slide(&floats, block + b, ONE, KERN_F32, relu_in);
        }
        put_group(k, block, n, element, group);
    }
}

static ALWAYS_INLINE void dw3x3(const struct kern_dw3x3_f32 *k, enum kern_element element,
                                bool relu_in)
{
    if (element == KERN_F32)
        slide_blocks(k, element, relu_in);
    else
        slide_by_floats(k, element, relu_in);
}

#ifndef ENG_DEPTHWISE_H
#define ENG_DEPTHWISE_H

// Depthwise convolutions, straight into the left panel of a GEMM or to pixels.

#include "engine/kern/element.h"

#include <stdbool.h>
#include <stddef.h>

// Depthwise convolution to dst as kern_gather_f32 puts it, relu_in on what is read, bias
// and relu_out on what is written. dst_pixel is 8 for elements other than float. For
// whole numbers weight and bias carry scale and shift already.
struct kern_dw_f32 {
    void *dst;
    ptrdiff_t dst_pixel, dst_block; // elements
    const float *const *in;         // [pixels][taps]
    const float *weight;            // [blocks][taps][8]
    const float *bias;              // [blocks · 8]
    enum kern_element element;
    int pixels, taps, blocks;
    bool relu_in, relu_out;
};

// Where some neighbours go, as dst above.
struct kern_piece {
    void *dst;
    ptrdiff_t dst_block; // elements
    int pixels;
};

// The same of 3 × 3 at stride 1, for KERN_STRIP neighbours in one row at most, which may
// go to several places on the way: tiles of a panel.
enum { KERN_STRIP = 28 };
struct kern_dw3x3_f32 {
    const struct kern_piece *to; // [pieces]
    ptrdiff_t dst_pixel;         // elements
    const float *const *in;      // [pixels of all pieces + 2][3], columns of three
    const float *weight;         // [blocks][9][8]
    const float *bias;           // [blocks · 8]
    ptrdiff_t ahead; // floats from the bottom row to what to fetch: the next, or itself
    enum kern_element element;
    int pieces, blocks;
    bool relu_in, relu_out;
};

#endif

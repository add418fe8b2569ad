#ifndef ENG_CODES_H
#define ENG_CODES_H

// What is done with the whole numbers that inputs of int8 layers have become.

#include <stddef.h>
#include <stdint.h>

// More rows of a left panel than channels, for steps finer than KERN_U8 has: a channel of
// m rows has a code of 0 … 255 · m, and its rows fill up one after the other to 255.

// A row beyond the first of its channel: what of the code is above `from`.
struct kern_row {
    uint16_t channel, from;
};

// From codes to the rows of gemm_s8: row k is code k, row 8 · blocks + i is the code of
// more[i].channel − more[i].from; both clamped to 0 … 255.
struct kern_spread_u8 {
    uint8_t *dst;                // [blocks + more_blocks][pixels][8]
    const uint16_t *src;         // [blocks][pixels][8], KERN_U12
    const struct kern_row *more; // [more_blocks · 8]
    int blocks, more_blocks, pixels;
};

// The codes under the windows of neighbours in one row, at stride 1:
// dst[(t · blocks + b) · dst_block + i] = in[t][b · in_block + i], i < 8 · pixels.
struct kern_window_u8 {
    uint8_t *dst;
    const uint8_t *const *in;      // [taps] under the first window
    ptrdiff_t dst_block, in_block; // from one block of channels to the next
    int pixels, taps, blocks;
};

#endif

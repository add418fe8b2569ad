#ifndef ENG_GRAM_H
#define ENG_GRAM_H

// How the inputs of a convolution go together: sums of products of every two channels, in
// whole numbers, so that the result is the same in whatever order pixels come.

#include <stdbool.h>
#include <stdint.h>

// Pixels that fit, products of two 7-bit numbers, and how many are taken at once: the
// sums of a layer lie in no fast cache.
enum { GRAM_PIXELS = 1 << 17, GRAM_ROWS = 8 };

struct gram {
    int channels, pixels;
    int32_t *sums;     // [channels]
    int32_t *products; // row k, columns 0 … k, at k (k + 1) / 2
};

// False: no memory.
bool gram_open(struct gram *g, int channels);
void gram_release(struct gram *g);

// `count` more pixels, rows[GRAM_ROWS][channels] of -127 … 127, those beyond count zero.
void gram_add(struct gram *g, const int16_t *rows, int count);

// covariance[channels][channels]
void gram_covariance(const struct gram *g, float *covariance);

#endif

#ifndef TESTS_SUPPORT_SKETCH_H
#define TESTS_SUPPORT_SKETCH_H

// Random nets: every op, window, padding and residual that shapes allow, with weights
// that keep values near one. The same seed gives the same net. Fails the test where it
// cannot.

#include "engine/model/net.h"

#include <stddef.h>
#include <stdint.h>

enum { SKETCH_NODES = 64, SKETCH_CLASSES = 24 };

// The net is the sketch's: net_release(). h x w is the input it is for.
struct sketch {
    struct net net;
    int h, w;
    struct net_shape shapes[SKETCH_NODES];
};

typedef void sketch_fn(struct sketch *s, uint32_t seed);

// All of the ops, on a picture of 9 to 38 pixels a side.
void sketch_random(struct sketch *s, uint32_t seed);

// Pointwise convolutions wide enough for Strassen's algorithm, with and without what a
// step takes in; pixels and blocks on both sides in odd and even numbers.
void sketch_wide(struct sketch *s, uint32_t seed);

// Appends a node after `in`; returns it. `out` channels count for convolutions and dense
// layers only, `kernel` is 0 for ops without a window.
int sketch_node(struct sketch *s, enum net_op op, int in, int out, int kernel);

// n floats in [-size, size), from the state that the last sketch, if any, left; the
// caller frees.
float *sketch_floats(size_t n, float size);

#endif

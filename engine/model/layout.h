#ifndef ENG_MODEL_LAYOUT_H
#define ENG_MODEL_LAYOUT_H

// From the order in which torch, ONNX and Paddle keep weights to the order of a net.

#include <stddef.h>

// [out][in][taps] as [taps][in][out] in fresh memory, NULL when there is none. A dense
// layer has one tap, a depthwise convolution one input.
float *layout_hwio(const float *oihw, size_t out, size_t in, size_t taps);

#endif

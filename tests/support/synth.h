#ifndef TESTS_SUPPORT_SYNTH_H
#define TESTS_SUPPORT_SYNTH_H

// Synthetic weights and inputs: the same numbers as models/synth.py of the reference
// folder makes, so that the logits of the publishers' frameworks on them can be compared.
//
// Value i of a tensor is centre + half·t(i), where t is the i-th number in [-1, 1) of a
// splitmix64 stream seeded by the tensor's name, and half depends on its kind.

#include "engine/weights/bag.h"

#include "base/err.h"

#include <stddef.h>

// The first n values of a tensor; kind is conv, dw, pw, fc, gamma, beta, mean or var.
void synth_values(const char *name, const char *kind, double fan_in, double fc_v,
                  float *out, size_t n);

// Fills an empty bag with all tensors of a model ("timm_xception", …) in the layout of
// its publisher, as <reference>/models/reference/<model>.manifest.tsv lists them.
enum err_code synth_bag(const char *model, struct bag *bag, struct err *e) MUST_CHECK;

// The picture `tag` ("A", "B") as [3][h][w] in [-1, 1).
void synth_image(const char *tag, int h, int w, float *chw);

#endif

#ifndef ENG_COLUMN_H
#define ENG_COLUMN_H

// One output channel's weights in whole numbers under the bounds of kern.h.

#include <stdint.h>

// As net_quant_check wants them: of one weight, and of the sum of those of a quad that
// have one sign.
enum { COLUMN_WEIGHT_MOST = 127, COLUMN_QUAD_MOST = 128 };

// Chooses a scale and rounds: w[k] ≈ scale · q[k * stride], so that the error of the
// sums, Σ spread[k] · (w[k] − scale · q[k])², is the least of those tried. Returns the
// scale, > 0.
float column_quantize(const double *w, const double *spread, int n, int8_t *q,
                      int stride);

#endif

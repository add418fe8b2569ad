#ifndef ENG_COLUMN_H
#define ENG_COLUMN_H

// One output channel's weights in whole numbers under the bounds of net.h.

#include <stdint.h>

enum { COLUMN_WEIGHT_MOST = 127 };

// Chooses a scale and rounds: w[k] ≈ scale · q[k * stride], so that the error of the
// sums, Σ spread[k] · (w[k] − scale · q[k])², is the least of those tried. Returns the
// scale, > 0.
float column_quantize(const double *w, const double *spread, int n, int8_t *q,
                      int stride);

#endif

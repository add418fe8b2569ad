#ifndef ENG_DESCEND_H
#define ENG_DESCEND_H

// Rounding the weights of one output channel together: an error in one is made good by
// those whose inputs go with its own.

#include <stdint.h>

// Coordinate descent on (w − scale · q)ᵀ · covariance · (w − scale · q), from a q under
// the bounds of kern.h, which it keeps. w[k] ≈ scale · q[k · stride]; covariance[n][n] of
// the inputs. Returns the scale, moved to where it fits best.
float descend_column(const double *w, const float *covariance, int n, float scale,
                     int8_t *q, int stride);

#endif

#ifndef BASE_WILSON_H
#define BASE_WILSON_H

// How well a share is known from a sample.

#include <stddef.h>

// Centre and half width of the Wilson score interval at 95 % for hits of n, as shares;
// 0.5 and 0.5 when n is 0.
void wilson_95(size_t hits, size_t n, double *centre, double *half);

#endif

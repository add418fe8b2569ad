#ifndef BASE_TOPK_H
#define BASE_TOPK_H

// From logits to what a person reads.

#include <stddef.h>

struct topk {
    int index;  // class
    float prob; // softmax probability, 0…1
};

// Softmax of n logits in double precision, k best first, ties by lower index.
// Returns how many were written: min(k, n).
int topk_softmax(const float *logits, int n, int k, struct topk *out);

#endif

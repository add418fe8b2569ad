#ifndef ENG_HISTOGRAM_H
#define ENG_HISTOGRAM_H

// What values each channel of a left panel takes: a histogram a channel, in one pass and
// in bounded memory. Its range is a power of two that doubles when a value lies beyond
// it, and then two bins become one; so the result is the same in whatever order values
// come.

#include <stdbool.h>
#include <stdint.h>

// Half of them below zero.
enum { HISTOGRAM_BINS = 2048 };

struct histogram {
    uint32_t bins[HISTOGRAM_BINS]; // from -limit to limit
    uint32_t zeros;                // values that are exactly 0; in no bin
    float limit;                   // a power of two, or 0 while all values are 0
    float low, high;               // of all values and 0
};

// Values of 8 channels, src[rows][8], into 8 histograms. False (and nothing is counted)
// when one of them is not finite.
bool histogram_add(struct histogram *of, const float *src, int rows);

uint64_t histogram_count(const struct histogram *h);

// The middle of a bin.
double histogram_value(const struct histogram *h, int bin);

// How far values reach from 0 when at most `tail` (0 … 1) of them all lie beyond: the end
// of a bin, never beyond the extreme value. At the upper end 0 or more, at the lower one
// 0 or less.
double histogram_reach(const struct histogram *h, double tail, bool upper);

#endif

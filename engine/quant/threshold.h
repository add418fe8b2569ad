#ifndef ENG_THRESHOLD_H
#define ENG_THRESHOLD_H

// From what a channel's values are to the range that its 7 bits cover.

#include "engine/quant/histogram.h"
#include "engine/quantize.h"

// low ≤ 0 ≤ high; both 0 when all values are.
struct range {
    double low, high;
};

struct range threshold_range(const struct histogram *h, enum eng_calib_method method,
                             double percentile);

// A channel in whole numbers: q = clamp(round(x · scale + zero), 0, 127).
struct code {
    float scale, zero;
};

// With zero at 0 where nothing is negative.
struct code threshold_code(struct range range);

// What the code makes of the histogram's values, in units of 1/scale.
struct moments {
    double mean;         // of the values themselves
    double coded_mean;   // of q - zero
    double coded_spread; // variance of q
};
struct moments threshold_moments(const struct histogram *h, struct code code);

#endif

#ifndef ENG_THRESHOLD_H
#define ENG_THRESHOLD_H

// From what a channel's values are to the range that its whole numbers
// cover.

#include "engine/quant/histogram.h"
#include "engine/quantize.h"

// low ≤ 0 ≤ high; both 0 when all values are.
struct range {
    double low, high;
};

struct range threshold_range(const struct histogram *h, enum eng_calib_method method,
                             double percentile);

// A channel in whole numbers: q = clamp(round(x · scale + zero), 0, most).
struct code {
    float scale, zero;
};

// With zero at 0 where nothing is negative.
struct code threshold_code(struct range range, int most);

// What a row of the channel (net.h), which holds what is above `from`, makes of the
// histogram's values.
struct moments {
    double mean;         // of the values themselves
    double coded_mean;   // of the row's numbers, less what it holds of zero
    double coded_spread; // their variance
};
struct moments threshold_moments(const struct histogram *h, struct code code, int from);

#endif

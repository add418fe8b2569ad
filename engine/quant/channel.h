#ifndef ENG_CHANNEL_H
#define ENG_CHANNEL_H

// The steps of one input channel: fine ones clip its largest values, coarse ones round
// the rest more, and the finer they are, the smaller are its weights beside those of
// others.

#include "engine/quant/threshold.h"

// Ranges that are tried: the method's, 1.25 times wider and narrower, and so on.
enum { CHANNEL_WIDER = 6, CHANNEL_NARROWER = 14 };
enum { CHANNEL_TRIED = CHANNEL_WIDER + 1 + CHANNEL_NARROWER };

struct channel {
    const struct histogram *values;
    int most;        // of its whole numbers
    double weights;  // Σ of its weights' squares
    double rounding; // what its rounding counts beside its clipping, 0 … 1
    struct range ranges[CHANNEL_TRIED];
    double error[CHANNEL_TRIED];    // mean square of what clipping and rounding change,
                                    // the latter as it counts
    double variance[CHANNEL_TRIED]; // of the whole numbers
    struct code code;
};

// rows: over which its whole numbers are spread (net.h).
void channel_init(struct channel *c, const struct histogram *values, struct range range,
                  int rows, double weights, double rounding);

// Settles the code. scales: Σ of the squares of all columns' scales, in which weights are
// whole numbers; 0 takes the range that the channel was given.
void channel_code(struct channel *c, double scales);

#endif

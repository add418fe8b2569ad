#ifndef ENG_CALIB_H
#define ENG_CALIB_H

// What a calibration holds.

#include "engine/quant/gram.h"
#include "engine/quant/histogram.h"
#include "engine/quant/sample.h"
#include "engine/quant/threshold.h"
#include "engine/quantize.h"

#include <pthread.h>

// A convolution while pictures run.
struct calib_layer {
    int node, in, out;
    int inputs; // what its window sees: taps · in
    pthread_mutex_t lock;
    struct histogram *channels; // [in, in whole blocks]
    bool odd;                   // a value was not finite
    bool last;                  // one of the last of the network
    // Once settled:
    struct net_quant *quant;
    struct net_row *rows;    // [row_count] of the left side
    struct moments *moments; // [row_count] of what goes in
    int row_count;
    struct gram gram; // of rows
};

struct eng_calib {
    const struct eng_model *model;
    struct net net; // the same one, folded, with its weights
    char hash[33];
    struct calib_layer *layers;
    struct eng_quant_layer *results; // [count]
    int count;
    struct sample sample; // of what goes in
    bool settled;
    int gram_rows; // pixels a picture that the grams get
};

// What a row holds of its channel's value, and of zero.
void layer_code(const struct calib_layer *l, int row, float x, int *number, int *zero);

// Chooses the whole numbers that one layer's inputs become, and scales for its outputs
// (layer.c).
enum err_code layer_settle(struct eng_calib *calib, int layer,
                           const struct eng_quant_opts *opts, struct err *e) MUST_CHECK;

// One layer's numbers. On success *quant and *bias [out] are the caller's; *sqnr says how
// good they are.
enum err_code layer_quantize(struct eng_calib *calib, int layer, struct net_quant **quant,
                             float **bias, double *sqnr, struct err *e) MUST_CHECK;

#endif

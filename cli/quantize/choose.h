#ifndef CLI_CHOOSE_H
#define CLI_CHOOSE_H

// Which pictures a model is calibrated on, and which judge the outcome.

#include "pipeline/pipeline.h"

struct quantize_set {
    size_t *items; // all of the dataset's, in the order in which they are wanted:
                   // one of each class, a second of each class, …, those without label
    size_t count;  // the first ones, to calibrate on
    size_t others; // the next ones, to judge by
    int missing;   // classes without a picture among the first ones
};

enum { QUANTIZE_OTHERS = 1000 }; // at most

// n: pictures to calibrate on. ERR_FORMAT, with the first few of them, when classes of
// the model have no picture among these, unless allow_missing.
enum err_code quantize_set_choose(const struct ds *ds, const struct pipe_setup *setup,
                                  size_t n, bool allow_missing, struct quantize_set *out,
                                  struct err *e) MUST_CHECK;
void quantize_set_release(struct quantize_set *set);

#endif

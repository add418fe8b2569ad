#ifndef TESTS_SUPPORT_REFERENCE_H
#define TESTS_SUPPORT_REFERENCE_H

// What the publishers' frameworks gave for the synthetic models: the reader of
// <reference>/models/reference/<model>.json, and where the reference folder is.

#include "base/err.h"

#include <stdbool.h>

// Whether the reference folder is there; says on stderr that tests are skipped when not.
bool reference_present(void);

// A path inside of models/reference, malloc'ed.
char *reference_path(const char *fmt, ...) PRINTF_LIKE(1, 2) MUST_CHECK;

struct reference;

enum err_code reference_open(const char *model, struct reference **out,
                             struct err *e) MUST_CHECK;
void reference_close(struct reference *reference);

// Scale of the classifier's synthetic weights.
double reference_fc_v(const struct reference *reference);

// Logits for an input ("A_299x299", height first). Gives how many there are, at most
// `max` are written; 0 when the input is not there.
int reference_logits(const struct reference *reference, const char *input, float *out,
                     int max);

// Logits of a small model (models/tiny/expected.json) on picture "A" of 75x75; as above.
// `softmax` says that only probabilities are known.
int reference_tiny(const char *group, float *out, int max, bool *softmax);

// A path inside of models/tiny, malloc'ed.
char *reference_tiny_path(const char *file) MUST_CHECK;

// Mean and standard deviation of a stage's output ("entry1", "gap", …); false when the
// reference has none of this name.
bool reference_stage(const struct reference *reference, const char *input,
                     const char *stage, double *mean, double *deviation);

#endif

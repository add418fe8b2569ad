#ifndef TESTS_SUPPORT_INTERP_H
#define TESTS_SUPPORT_INTERP_H

// Runs a net node by node in double precision, with loops that say what each op means and
// nothing shared with the engine: the independent reference for it.

#include "engine/model/net.h"

#include "base/err.h"

// chw is [3][h][w]; logits holds as many as the last node has channels. ERR_FORMAT when
// the net does not fit the input.
enum err_code interp_run(const struct net *net, int h, int w, const float *chw,
                         float *logits, struct err *e) MUST_CHECK;

#endif

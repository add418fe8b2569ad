#ifndef ENG_WEIGHTS_HEAD_H
#define ENG_WEIGHTS_HEAD_H

// The classifier of a network, when it comes in a file of its own.

#include "engine/model/net.h"

#include "base/err.h"

#include <stdbool.h>

// Whether a network has a dense layer at all.
bool head_is_there(const struct net *net);

// Puts the head in `path` (struct weights_opts) behind the global pooling, which is added
// where the network ends without one. ERR_FORMAT names both feature counts when they
// differ.
enum err_code head_apply(const char *path, struct net *net, struct err *e) MUST_CHECK;

#endif

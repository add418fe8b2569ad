#ifndef ENG_WEIGHTS_H
#define ENG_WEIGHTS_H

// Readers of model files. Each turns one format into a net; they are told apart by
// content.

#include "engine/model/net.h"

#include "base/err.h"

struct weights_opts {
    const char *arch; // forced architecture, or NULL
    // safetensors with fc.weight [C, features] and fc.bias [C], which replace everything
    // after the global pooling and whose metadata xlens.preprocess, xlens.input and
    // xlens.labels override the model's; or NULL
    const char *head;
};

// Reads any supported file into a checked, unfolded net. ERR_FORMAT also where the model
// has no classifier and no head is given, or one for another number of features.
enum err_code weights_open(const char *path, const struct weights_opts *opts,
                           struct net *out, struct err *e) MUST_CHECK;

// What a net is used in: ENG_AS_STORED becomes `stored`. Floats can become narrower or
// wider ones; nothing makes int8 or comes back from it: ERR_UNSUPPORTED.
enum err_code weights_settle_precision(const char *path, enum eng_precision stored,
                                       enum eng_precision *asked,
                                       struct err *e) MUST_CHECK;

// Hex of a 128-bit hash of a model's bytes, of the other files that its net was read from
// and, where there is one (else NULL), of its head's: what caches and native files know
// the model by.
enum err_code weights_hash(const char *path, const struct net *net, const char *head,
                           char hash[33], struct err *e) MUST_CHECK;

// Writes a folded net in the native format (see the man page xlens-model(5)), the weights
// as net->precision says: ENG_FLOAT32, or ENG_BF16 for those of pointwise convolutions.
enum err_code weights_native_write(const struct net *net, const char *source_hash,
                                   const char *path, bool force,
                                   struct err *e) MUST_CHECK;

#endif

#ifndef ENG_WEIGHTS_META_H
#define ENG_WEIGHTS_META_H

// Metadata "xlens.*" of safetensors files: how they say what a model wants of a picture.

#include "engine/model/net.h"
#include "engine/weights/bag.h"

#include "base/err.h"

// Lets xlens.preprocess, xlens.input and xlens.labels override the net's.
enum err_code meta_apply(const struct bag *bag, struct net *net,
                         struct err *e) MUST_CHECK;

#endif

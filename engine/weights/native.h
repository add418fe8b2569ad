#ifndef ENG_WEIGHTS_NATIVE_H
#define ENG_WEIGHTS_NATIVE_H

// The native format: a safetensors file whose tensors are a net's weights as they are
// used, and whose metadata holds the net itself ("xlens.graph"). See xlens-model(5).

#include "engine/model/net.h"
#include "engine/weights/bag.h"

#include "base/err.h"

// Of a node in the graph, "conv" and the like.
const char *native_op_name(enum net_op op);

// Shape of a node's weight as the file tells it; the number of extents.
int native_weight_shape(const struct net *net, int i, size_t shape[4]);

// int8 weights (native_int8.c): whether a node's are, and taking them.
bool native_is_int8(const struct bag *bag, const struct net_node *n);
enum err_code native_take_int8(struct bag *bag, struct net *net, int i,
                               struct err *e) MUST_CHECK;

bool native_is(const struct bag *bag);

// Builds the net; its weights stay in the bag's bytes, which it takes.
enum err_code native_build(struct bag *bag, struct net *out, struct err *e) MUST_CHECK;

#endif

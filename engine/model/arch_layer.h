#ifndef ENG_MODEL_ARCH_LAYER_H
#define ENG_MODEL_ARCH_LAYER_H

// Layers by their tensor names: each takes its tensors out of the bag, brings them into
// the net's layout and appends a node. For the builders of architectures only.
//
// The first failure is kept in the context and every later call does nothing and returns
// node 0, so that a builder reads as the network it builds, without a check on every
// line.

#include "engine/model/net.h"
#include "engine/weights/bag.h"

#include "base/err.h"

#include <stdbool.h>

enum { ARCH_NAME_MAX = 160 };

// How a publisher lays out and names what a layer holds.
struct arch_dialect {
    bool hwio;      // convolutions [h][w][in][out], else [out][in][h][w]
    bool fc_in_out; // dense [in][out], else [out][in]
    bool pool_same; // max-pool pads like Keras SAME, else 1 on each side
    const char *conv, *depthwise, *pointwise, *dense, *bias; // what follows the layer
    const char *gamma, *beta, *mean, *variance;
};

extern const struct arch_dialect arch_torch, arch_keras, arch_paddle;

struct arch_row;

struct arch_ctx {
    struct bag *bag;
    struct net *net;
    const struct arch_row *row;
    const struct arch_dialect *dialect;
    int entry, middle; // blocks of these flows, by the tensors
    struct err *e;
    enum err_code rc;
    char names[8][ARCH_NAME_MAX]; // of layers, for arch_name
    int name_turn;
};

// "printf" into the context; the text is good for the next seven calls.
const char *arch_name(struct arch_ctx *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

// Whether a tensor's name begins so.
bool arch_has(const struct arch_ctx *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

// Stride of an entry block, by the row.
int arch_stride(const struct arch_ctx *c, int block);

int arch_conv3x3(struct arch_ctx *c, int x, const char *layer, int stride, int pad);
int arch_conv1x1(struct arch_ctx *c, int x, const char *layer, int stride); // shortcut
int arch_pointwise(struct arch_ctx *c, int x, const char *layer);

// 3x3, padding equal to the dilation.
int arch_depthwise(struct arch_ctx *c, int x, const char *layer, int stride,
                   int dilation);

// Batch norm with the epsilon of the row.
int arch_bn(struct arch_ctx *c, int x, const char *layer);

int arch_relu(struct arch_ctx *c, int x);
int arch_maxpool(struct arch_ctx *c, int x, int stride); // 3x3
int arch_scale(struct arch_ctx *c, int x, float scale);

// Body plus shortcut; ERR_FORMAT when their channels differ.
int arch_add(struct arch_ctx *c, int body, int skip, const char *block);

// Global pooling and the classifier.
void arch_head(struct arch_ctx *c, int x, const char *layer);

#endif

#include "engine/model/arch_layer.h"

#include "engine/model/arch_row.h"
#include "engine/model/layout.h"

#include "base/mem.h"
#include "base/str.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct arch_dialect arch_torch = {
    .conv = ".weight",
    .depthwise = ".weight",
    .pointwise = ".weight",
    .dense = ".weight",
    .bias = ".bias",
    .gamma = ".weight",
    .beta = ".bias",
    .mean = ".running_mean",
    .variance = ".running_var",
};

const struct arch_dialect arch_keras = {
    .hwio = true,
    .fc_in_out = true,
    .pool_same = true,
    .conv = "/kernel",
    .depthwise = "/depthwise_kernel",
    .pointwise = "/pointwise_kernel",
    .dense = "/kernel",
    .bias = "/bias",
    .gamma = "/gamma",
    .beta = "/beta",
    .mean = "/moving_mean",
    .variance = "/moving_variance",
};

const struct arch_dialect arch_paddle = {
    .fc_in_out = true,
    .conv = ".weight",
    .depthwise = ".weight",
    .pointwise = ".weight",
    .dense = ".weight",
    .bias = ".bias",
    .gamma = ".weight",
    .beta = ".bias",
    .mean = "._mean",
    .variance = "._variance",
};

const char *arch_name(struct arch_ctx *c, const char *fmt, ...)
{
    char *name = c->names[c->name_turn];
    c->name_turn = (c->name_turn + 1) % (int)(sizeof c->names / sizeof c->names[0]);
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(name, ARCH_NAME_MAX, fmt, ap);
    va_end(ap);
    return name;
}

bool arch_has(const struct arch_ctx *c, const char *fmt, ...)
{
    char name[ARCH_NAME_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(name, sizeof name, fmt, ap);
    va_end(ap);
    return bag_has_prefix(c->bag, name);
}

int arch_stride(const struct arch_ctx *c, int block)
{
    return c->row->strides[block] - '0';
}

// The tensor <layer><leaf>, or NULL after a failure.
static float *take(struct arch_ctx *c, const char *layer, const char *leaf, int ndim,
                   size_t *shape)
{
    char name[ARCH_NAME_MAX];
    float *values = NULL;
    (void)snprintf(name, sizeof name, "%s%s", layer, leaf);
    if (c->rc == ERR_OK)
        c->rc = bag_floats(c->bag, name, ndim, shape, &values, c->e);
    return values;
}

static float *take_vector(struct arch_ctx *c, const char *layer, const char *leaf,
                          int channels)
{
    return take(c, layer, leaf, 1, (size_t[]){(size_t)channels});
}

// The same as layout_hwio, but frees `from` and may be given NULL.
static float *to_hwio(struct arch_ctx *c, float *from, size_t out, size_t in, size_t taps)
{
    float *to = from ? layout_hwio(from, out, in, taps) : NULL;
    if (from && !to)
        c->rc = err_set(c->e, ERR_NOMEM, "no memory for %zu weights", out * in * taps);
    free(from);
    return to;
}

// Appends a node of this shape. Its name is the layer, with what tells a depthwise from
// its pointwise in Keras ("block2_sepconv1/depthwise").
static int add_node(struct arch_ctx *c, enum net_op op, int in, const char *layer,
                    const char *leaf)
{
    char name[ARCH_NAME_MAX];
    size_t told = str_ends_with(leaf, "_kernel") ? strlen(leaf) - strlen("_kernel") : 0;
    (void)snprintf(name, sizeof name, "%s%.*s", layer, (int)told, leaf);
    return net_add(c->net, op, name, in, -1);
}

static int windowed(struct arch_ctx *c, int node, int kernel, int stride, int pad)
{
    struct net_node *n = &c->net->nodes[node];
    n->kernel_h = n->kernel_w = kernel;
    n->stride = stride;
    n->dilation = 1;
    n->pad_top = n->pad_left = n->pad_bottom = n->pad_right = pad;
    return node;
}

static int conv(struct arch_ctx *c, int x, const char *layer, const char *leaf,
                int kernel)
{
    if (c->rc)
        return 0;
    size_t k = (size_t)kernel, in = (size_t)c->net->nodes[x].channels, out;
    float *weight;
    if (c->dialect->hwio) {
        size_t shape[] = {k, k, in, 0};
        weight = take(c, layer, leaf, 4, shape);
        out = shape[3];
    } else {
        size_t shape[] = {0, in, k, k};
        weight = take(c, layer, leaf, 4, shape);
        out = shape[0];
        weight = to_hwio(c, weight, out, in, k * k);
    }
    if (!weight)
        return 0;
    int node = add_node(c, NET_CONV, x, layer, leaf);
    struct net_node *n = &c->net->nodes[node];
    n->channels = (int)out;
    n->weight = weight;
    n->params = in * k * k * out;
    return node;
}

int arch_conv3x3(struct arch_ctx *c, int x, const char *layer, int stride, int pad)
{
    int node = conv(c, x, layer, c->dialect->conv, 3);
    return c->rc ? 0 : windowed(c, node, 3, stride, pad);
}

int arch_conv1x1(struct arch_ctx *c, int x, const char *layer, int stride)
{
    int node = conv(c, x, layer, c->dialect->conv, 1);
    return c->rc ? 0 : windowed(c, node, 1, stride, 0);
}

int arch_pointwise(struct arch_ctx *c, int x, const char *layer)
{
    int node = conv(c, x, layer, c->dialect->pointwise, 1);
    return c->rc ? 0 : windowed(c, node, 1, 1, 0);
}

int arch_depthwise(struct arch_ctx *c, int x, const char *layer, int stride, int dilation)
{
    if (c->rc)
        return 0;
    size_t channels = (size_t)c->net->nodes[x].channels;
    const char *leaf = c->dialect->depthwise;
    float *weight;
    if (c->dialect->hwio) {
        weight = take(c, layer, leaf, 4, (size_t[]){3, 3, channels, 1});
    } else {
        weight = take(c, layer, leaf, 4, (size_t[]){channels, 1, 3, 3});
        weight = to_hwio(c, weight, channels, 1, 9);
    }
    if (!weight)
        return 0;
    int node =
        windowed(c, add_node(c, NET_DEPTHWISE, x, layer, leaf), 3, stride, dilation);
    struct net_node *n = &c->net->nodes[node];
    n->dilation = dilation;
    n->channels = (int)channels;
    n->weight = weight;
    n->params = 9 * channels;
    return node;
}

int arch_bn(struct arch_ctx *c, int x, const char *layer)
{
    if (c->rc)
        return 0;
    int channels = c->net->nodes[x].channels;
    float *gamma = take_vector(c, layer, c->dialect->gamma, channels);
    float *beta = take_vector(c, layer, c->dialect->beta, channels);
    float *mean = take_vector(c, layer, c->dialect->mean, channels);
    float *variance = take_vector(c, layer, c->dialect->variance, channels);
    for (int i = 0; variance && i < channels; i++) {
        double spread = (double)variance[i] + c->row->epsilon;
        if (!(spread > 0)) {
            c->rc = err_set(c->e, ERR_FORMAT, "%s: %s%s has %g at %d, expected 0 or more",
                            c->bag->path, layer, c->dialect->variance,
                            (double)variance[i], i);
            break;
        }
        double scale = (double)gamma[i] / sqrt(spread);
        beta[i] = (float)((double)beta[i] - (double)mean[i] * scale);
        gamma[i] = (float)scale;
    }
    free(mean);
    free(variance);
    if (c->rc) {
        free(gamma);
        free(beta);
        return 0;
    }
    int node = net_add(c->net, NET_AFFINE, layer, x, -1);
    struct net_node *n = &c->net->nodes[node];
    n->channels = channels;
    n->weight = gamma;
    n->bias = beta;
    n->params = n->params_stats = 2 * (uint64_t)channels;
    return node;
}

// A node without tensors, named after what it follows.
static int plain(struct arch_ctx *c, enum net_op op, int x, const char *what)
{
    if (c->rc)
        return 0;
    char name[ARCH_NAME_MAX];
    (void)snprintf(name, sizeof name, "%s%s", c->net->nodes[x].name, what);
    int node = net_add(c->net, op, name, x, -1);
    c->net->nodes[node].channels = c->net->nodes[x].channels;
    return node;
}

int arch_relu(struct arch_ctx *c, int x)
{
    return plain(c, NET_RELU, x, ".relu");
}

int arch_maxpool(struct arch_ctx *c, int x, int stride)
{
    int node = plain(c, NET_MAXPOOL, x, ".pool");
    if (c->rc)
        return 0;
    if (!c->dialect->pool_same)
        return windowed(c, node, 3, stride, 1);
    c->net->nodes[node].padding = NET_PAD_SAME;
    return windowed(c, node, 3, stride, 0);
}

int arch_scale(struct arch_ctx *c, int x, float scale)
{
    int node = plain(c, NET_SCALE, x, ".scale");
    if (!c->rc)
        c->net->nodes[node].scale = scale;
    return node;
}

int arch_add(struct arch_ctx *c, int body, int skip, const char *block)
{
    if (c->rc)
        return 0;
    int a = c->net->nodes[body].channels, b = c->net->nodes[skip].channels;
    if (a != b) {
        c->rc = err_set(c->e, ERR_FORMAT,
                        "%s: %s has %d channels and its shortcut %d, expected the same",
                        c->bag->path, block, a, b);
        return 0;
    }
    char name[ARCH_NAME_MAX];
    (void)snprintf(name, sizeof name, "%s.add", block);
    int node = net_add(c->net, NET_ADD, name, body, skip);
    c->net->nodes[node].channels = a;
    return node;
}

// Adds the pooling; false when there is no more to come.
static bool pool(struct arch_ctx *c, int *x, const char *layer)
{
    if (c->rc)
        return false;
    int node = net_add(c->net, NET_GAP, "global_pool", *x, -1);
    c->net->nodes[node].channels = c->net->nodes[*x].channels;
    *x = node;
    return arch_has(c, "%s%s", layer, c->dialect->dense);
}

void arch_head(struct arch_ctx *c, int x, const char *layer)
{
    if (!pool(c, &x, layer))
        return;
    size_t in = (size_t)c->net->nodes[x].channels, shape[] = {0, in};
    if (c->dialect->fc_in_out)
        memcpy(shape, (size_t[]){in, 0}, sizeof shape);
    float *weight = take(c, layer, c->dialect->dense, 2, shape);
    size_t out = shape[c->dialect->fc_in_out];
    if (!c->dialect->fc_in_out)
        weight = to_hwio(c, weight, out, in, 1);
    float *bias = take_vector(c, layer, c->dialect->bias, (int)out);
    if (c->rc) {
        free(weight);
        return;
    }
    int node = net_add(c->net, NET_FC, layer, x, -1);
    struct net_node *n = &c->net->nodes[node];
    n->channels = (int)out;
    n->weight = weight;
    n->bias = bias;
    n->params = in * out + out;
}

#include "tests/support/sketch.h"

#include "base/mem.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>

static uint32_t state = 1;

static int pick(int n)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return (int)(state % (uint32_t)n);
}

float *sketch_floats(size_t n, float size)
{
    float *x = mem_new(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = size * ((float)pick(1 << 20) * 0x1p-19F - 1);
    return x;
}

static int channels_of(const struct sketch *s, int node)
{
    return s->net.nodes[node].channels;
}

int sketch_node(struct sketch *s, enum net_op op, int in, int out, int kernel)
{
    int node = net_add(&s->net, op, "node", in, -1);
    struct net_node *n = &s->net.nodes[node];
    int in_c = channels_of(s, in), taps = kernel ? kernel * kernel : 1;
    n->channels = op == NET_CONV || op == NET_FC ? out : in_c;
    n->kernel_h = n->kernel_w = kernel;
    n->stride = n->dilation = 1;
    n->scale = 0.5F;
    size_t weights = net_weight_count(&s->net, node);
    int fan_in = op == NET_DEPTHWISE ? taps : op == NET_AFFINE ? 1 : taps * in_c;
    if (weights) {
        n->weight = sketch_floats(weights, sqrtf(3.0F / (float)fan_in));
        if (pick(2))
            n->bias = sketch_floats((size_t)n->channels, 0.5F);
    }
    return node;
}

static void measure(struct sketch *s)
{
    struct err e = {0};
    if (net_shapes(&s->net, s->h, s->w, s->shapes, &e))
        fail_msg("%s", e.msg);
}

// A window node at random: kernel, stride, dilation and padding that leave something.
static int add_window(struct sketch *s, enum net_op op, int in)
{
    static const int kernels[] = {1, 1, 3, 3, 3, 2, 5};
    int kernel = op == NET_MAXPOOL ? 3 - pick(2) : kernels[pick(7)];
    int node = sketch_node(s, op, in, 1 + pick(40), kernel);
    struct net_node *n = &s->net.nodes[node];
    n->stride = pick(4) == 0 ? 2 : 1;
    n->dilation = op != NET_MAXPOOL && pick(4) == 0 ? 2 : 1;
    n->padding = pick(3) == 0 ? NET_PAD_SAME : NET_PAD_EXPLICIT;
    if (n->padding == NET_PAD_EXPLICIT) {
        int most = op == NET_MAXPOOL ? 1 : (kernel - 1) * n->dilation;
        n->pad_top = n->pad_left = n->pad_bottom = n->pad_right =
            most - pick(2) * most / 2;
    }
    measure(s);
    return node;
}

// The pair that runs as one step: any depthwise convolution, maybe a ReLU, pointwise.
static int add_separable(struct sketch *s, int in)
{
    int at = add_window(s, NET_DEPTHWISE, in);
    if (pick(3) == 0)
        at = sketch_node(s, NET_RELU, at, 0, 0);
    return sketch_node(s, NET_CONV, at, 1 + pick(40), 1);
}

static int add_random(struct sketch *s, int in)
{
    switch (pick(12)) {
    case 9:
    case 10:
    case 11:
        return add_separable(s, in);
    case 0:
    case 1:
        return add_window(s, NET_CONV, in);
    case 2:
    case 3:
        return add_window(s, NET_DEPTHWISE, in);
    case 4:
        return add_window(s, NET_MAXPOOL, in);
    case 5:
        return sketch_node(s, NET_AFFINE, in, 0, 0);
    case 6:
        return sketch_node(s, NET_SCALE, in, 0, 0);
    default:
        return sketch_node(s, NET_RELU, in, 0, 0);
    }
}

// The residual: `from` itself or a strided convolution of it, where shapes allow.
static int add_residual(struct sketch *s, int from, int to)
{
    measure(s);
    int stride = s->shapes[to].h == s->shapes[from].h ? 1 : 2;
    bool fits = (s->shapes[from].h - 1) / stride + 1 == s->shapes[to].h &&
                (s->shapes[from].w - 1) / stride + 1 == s->shapes[to].w;
    if (!fits)
        return to;
    int skip = from;
    if (stride > 1 || channels_of(s, from) != channels_of(s, to)) {
        skip = sketch_node(s, NET_CONV, from, channels_of(s, to), 1);
        s->net.nodes[skip].stride = stride;
    }
    int add = net_add(&s->net, NET_ADD, "add", to, skip);
    struct net_node *n = &s->net.nodes[add];
    n->channels = channels_of(s, to);
    if (pick(2)) {
        n->in[0] = skip;
        n->in[1] = to;
    }
    return add;
}

// A picture of at least `least` pixels a side; returns its node.
static int sketch_start(struct sketch *s, uint32_t seed, int least, int range)
{
    *s = (struct sketch){0};
    state = seed * 2654435761U + 1;
    s->h = least + pick(range);
    s->w = least + pick(range);
    s->net.height = s->h;
    s->net.width = s->w;
    int at = net_add(&s->net, NET_INPUT, "input", -1, -1);
    s->net.nodes[at].channels = 3;
    return at;
}

void sketch_random(struct sketch *s, uint32_t seed)
{
    int at = sketch_start(s, seed, 9, 30);
    measure(s);
    int blocks = 1 + pick(5);
    for (int b = 0; b < blocks; b++) {
        int from = at;
        for (int i = 1 + pick(4); i > 0; i--)
            at = add_random(s, at);
        if (pick(3) && from != at)
            at = add_residual(s, from, at);
        measure(s);
        if (s->shapes[at].h < 6 || s->shapes[at].w < 6)
            break;
    }
    at = sketch_node(s, NET_GAP, at, 0, 0);
    if (pick(3) == 0) {
        at = sketch_node(s, NET_FC, at, 1 + pick(30), 0);
        at = sketch_node(s, NET_RELU, at, 0, 0);
    }
    sketch_node(s, NET_FC, at, 1 + pick(SKETCH_CLASSES), 0);
    (void)snprintf(s->net.arch, sizeof s->net.arch, "random");
}

void sketch_wide(struct sketch *s, uint32_t seed)
{
    int at = sketch_start(s, seed, 3, 5);
    at = sketch_node(s, NET_CONV, at, 257 + pick(40), 3);
    at = sketch_node(s, pick(2) ? NET_DEPTHWISE : NET_RELU, at, 0, 1 + pick(2));
    int from = at = sketch_node(s, NET_CONV, at, 513 + pick(40), 1);
    if (pick(2))
        at = sketch_node(s, NET_RELU, at, 0, 0);
    at = sketch_node(s, NET_CONV, at, channels_of(s, from), 1);
    measure(s);
    at = add_residual(s, from, at);
    at = sketch_node(s, NET_GAP, at, 0, 0);
    sketch_node(s, NET_FC, at, SKETCH_CLASSES, 0);
    (void)snprintf(s->net.arch, sizeof s->net.arch, "wide");
}

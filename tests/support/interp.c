#include "tests/support/interp.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

// The output of a node as [h][w][c].
struct plane {
    int h, w, c;
    double *x;
};

static double *at(const struct plane *p, int y, int x)
{
    return p->x + ((size_t)y * (size_t)p->w + (size_t)x) * (size_t)p->c;
}

// One tap of a window at one output pixel: from `in` (all channels) into `out`.
typedef void tap_fn(const struct net_node *node, size_t tap, const double *in, int in_c,
                    double *out);

static void tap_conv(const struct net_node *node, size_t tap, const double *in, int in_c,
                     double *out)
{
    int n = node->channels;
    for (int i = 0; i < in_c; i++) {
        const float *w = node->weight + (tap * (size_t)in_c + (size_t)i) * (size_t)n;
        for (int o = 0; o < n; o++)
            out[o] += in[i] * (double)w[o];
    }
}

static void tap_depthwise(const struct net_node *node, size_t tap, const double *in,
                          int in_c, double *out)
{
    for (int i = 0; i < in_c; i++)
        out[i] += in[i] * (double)node->weight[tap * (size_t)in_c + (size_t)i];
}

static void tap_max(const struct net_node *node, size_t tap, const double *in, int in_c,
                    double *out)
{
    (void)node;
    (void)tap;
    for (int i = 0; i < in_c; i++)
        out[i] = fmax(out[i], in[i]);
}

static void window(const struct net_node *node, const struct net_shape *shape,
                   tap_fn *tap, const struct plane *in, const struct plane *out)
{
    for (int y = 0; y < out->h; y++)
        for (int x = 0; x < out->w; x++) {
            double *to = at(out, y, x);
            for (int o = 0; o < out->c; o++) {
                to[o] = node->op == NET_MAXPOOL ? -(double)INFINITY : 0;
                if (node->bias)
                    to[o] = (double)node->bias[o];
            }
            for (int k = 0; k < node->kernel_h * node->kernel_w; k++) {
                int ky = k / node->kernel_w, kx = k % node->kernel_w;
                int iy = y * node->stride - shape->pad_top + ky * node->dilation;
                int ix = x * node->stride - shape->pad_left + kx * node->dilation;
                if (iy >= 0 && iy < in->h && ix >= 0 && ix < in->w)
                    tap(node, (size_t)k, at(in, iy, ix), in->c, to);
            }
        }
}

static void pointwise_op(const struct net_node *node, const struct plane *a,
                         const struct plane *b, const struct plane *out)
{
    size_t c = (size_t)out->c, n = (size_t)out->h * (size_t)out->w * c;
    for (size_t i = 0; i < n; i++) {
        double v = a->x[i];
        if (node->op == NET_RELU)
            v = v > 0 ? v : 0;
        else if (node->op == NET_ADD)
            v += b->x[i];
        else if (node->op == NET_SCALE)
            v *= (double)node->scale;
        else
            v = v * (double)node->weight[i % c] +
                (node->bias ? (double)node->bias[i % c] : 0);
        out->x[i] = v;
    }
}

static void pool_all(const struct plane *in, const struct plane *out)
{
    for (int y = 0; y < in->h; y++)
        for (int x = 0; x < in->w; x++)
            for (int i = 0; i < in->c; i++)
                out->x[i] += at(in, y, x)[i] / ((double)in->h * (double)in->w);
}

static void dense(const struct net_node *node, const struct plane *in,
                  const struct plane *out)
{
    for (int o = 0; o < out->c; o++)
        out->x[o] = node->bias ? (double)node->bias[o] : 0;
    tap_conv(node, 0, in->x, in->c, out->x);
}

static void run_node(const struct net *net, int i, const struct net_shape *shapes,
                     struct plane *planes)
{
    const struct net_node *node = &net->nodes[i];
    const struct plane *a = &planes[node->in[0]], *out = &planes[i];
    switch (node->op) {
    case NET_CONV:
        window(node, &shapes[i], tap_conv, a, out);
        break;
    case NET_DEPTHWISE:
        window(node, &shapes[i], tap_depthwise, a, out);
        break;
    case NET_MAXPOOL:
        window(node, &shapes[i], tap_max, a, out);
        break;
    case NET_GAP:
        pool_all(a, out);
        break;
    case NET_FC:
        dense(node, a, out);
        break;
    case NET_AFFINE:
    case NET_RELU:
    case NET_ADD:
    case NET_SCALE:
        pointwise_op(node, a, node->op == NET_ADD ? &planes[node->in[1]] : NULL, out);
        break;
    case NET_INPUT:
    case NET_OP_COUNT:
        break;
    }
}

// Frees what no node behind i reads any more.
static void drop_read(const struct net *net, int i, struct plane *planes)
{
    for (int k = 0; k < 2; k++) {
        int in = net->nodes[i].in[k];
        bool wanted = in < 0;
        for (int j = i + 1; j < net->count; j++)
            wanted |= net->nodes[j].in[0] == in || net->nodes[j].in[1] == in;
        if (!wanted) {
            free(planes[in].x);
            planes[in].x = NULL;
        }
    }
}

static bool plane_init(struct plane *p, int h, int w, int c)
{
    *p = (struct plane){h, w, c, NULL};
    p->x = mem_array((size_t)h * (size_t)w * (size_t)c, sizeof *p->x);
    return p->x != NULL;
}

enum err_code interp_run(const struct net *net, int h, int w, const float *chw,
                         float *logits, struct err *e)
{
    size_t count = (size_t)net->count;
    struct net_shape *shapes = mem_new(count * sizeof *shapes);
    struct plane *planes = mem_new(count * sizeof *planes);
    int last = net->count - 1;
    enum err_code rc;
    TRY(net_shapes(net, h, w, shapes, e));
    for (int i = 0; i <= last; i++) {
        if (!plane_init(&planes[i], shapes[i].h, shapes[i].w, net->nodes[i].channels)) {
            rc = err_set(e, ERR_NOMEM, "no memory for %s", net->nodes[i].name);
            goto out;
        }
        if (i == 0)
            for (size_t p = 0; p < (size_t)h * (size_t)w; p++)
                for (size_t c = 0; c < 3; c++)
                    planes[0].x[3 * p + c] = (double)chw[c * (size_t)h * (size_t)w + p];
        run_node(net, i, shapes, planes);
        drop_read(net, i, planes);
    }
    for (int o = 0; o < net->nodes[last].channels; o++)
        logits[o] = (float)planes[last].x[o];
out:
    for (size_t i = 0; i < count; i++)
        free(planes[i].x);
    free(planes);
    free(shapes);
    return rc;
}

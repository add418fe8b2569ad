#include "engine/model/net.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_CHANNELS = 1 << 16, MAX_KERNEL = 255, MAX_EXTENT = 1 << 15 };

static void node_release(struct net_node *node)
{
    free(node->name);
    if (!node->borrowed) {
        free(node->weight);
        free(node->bias);
    }
    net_quant_free(node->quant);
    *node = (struct net_node){0};
}

void net_release(struct net *net)
{
    net_cut(net, 0);
    free(net->nodes);
    free(net->labels);
    free(net->calibration);
    for (size_t i = 0; i < net->file_count; i++)
        free(net->files[i]);
    free(net->files);
    if (net->mapping.data)
        file_bytes_release(&net->mapping);
    *net = (struct net){0};
}

void net_give_back(const struct net *net, const void *at, size_t bytes)
{
    const struct file_bytes *map = &net->mapping;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = (uintptr_t)at, last = first + bytes, start = (uintptr_t)map->data;
    if (!map->mapped || first < start || last > start + map->len)
        return;
    first += (page - first % page) % page;
    last -= last % page;
    if (first < last) // only advice: what stays is released with the mapping
        (void)madvise((void *)first, last - first, MADV_DONTNEED);
}

int net_add(struct net *net, enum net_op op, const char *name, int in0, int in1)
{
    if ((size_t)net->count == net->cap) {
        size_t cap = net->cap ? net->cap * 2 : 64;
        struct net_node *grown = mem_new(cap * sizeof *grown);
        if (net->count)
            memcpy(grown, net->nodes, (size_t)net->count * sizeof *grown);
        free(net->nodes);
        net->nodes = grown;
        net->cap = cap;
    }
    net->nodes[net->count] =
        (struct net_node){.name = mem_dup(name), .op = op, .in = {in0, in1}};
    return net->count++;
}

void net_cut(struct net *net, int count)
{
    while (net->count > count)
        node_release(&net->nodes[--net->count]);
}

void net_add_file(struct net *net, const char *path)
{
    if (!mem_grow(&net->files, &net->file_cap, net->file_count + 1, sizeof *net->files))
        abort();
    net->files[net->file_count++] = mem_dup(path);
}

static bool is_windowed(enum net_op op)
{
    return op == NET_CONV || op == NET_DEPTHWISE || op == NET_MAXPOOL;
}

// Extent of one dimension after a window, and its padding in front; 0 when it vanishes.
static int window_out(const struct net_node *node, int n, int kernel, int before,
                      int after, int *pad)
{
    int span = (kernel - 1) * node->dilation + 1;
    if (node->padding == NET_PAD_SAME) {
        int out = (n + node->stride - 1) / node->stride;
        int total = (out - 1) * node->stride + span - n;
        *pad = total > 0 ? total / 2 : 0;
        return out;
    }
    *pad = before;
    int room = n + before + after - span;
    return room < 0 ? 0 : room / node->stride + 1;
}

static enum err_code node_shape(const struct net *net, int i, struct net_shape *shapes,
                                struct err *e)
{
    const struct net_node *node = &net->nodes[i];
    const struct net_shape *in = &shapes[node->in[0]];
    struct net_shape *out = &shapes[i];
    *out = (struct net_shape){in->h, in->w, 0, 0};
    if (is_windowed(node->op)) {
        out->h = window_out(node, in->h, node->kernel_h, node->pad_top, node->pad_bottom,
                            &out->pad_top);
        out->w = window_out(node, in->w, node->kernel_w, node->pad_left, node->pad_right,
                            &out->pad_left);
        if (out->h <= 0 || out->w <= 0)
            return err_set(
                e, ERR_FORMAT,
                "input %dx%d is too small for this network: nothing is left at %s",
                shapes[0].h, shapes[0].w, node->name);
    } else if (node->op == NET_GAP) {
        *out = (struct net_shape){1, 1, 0, 0};
    } else if (node->op == NET_ADD) {
        const struct net_shape *other = &shapes[node->in[1]];
        if (in->h != other->h || in->w != other->w)
            return err_set(e, ERR_FORMAT,
                           "%s adds %dx%d to %dx%d at input %dx%d, expected equal sizes",
                           node->name, in->h, in->w, other->h, other->w, shapes[0].h,
                           shapes[0].w);
    }
    return ERR_OK;
}

enum err_code net_shapes(const struct net *net, int height, int width,
                         struct net_shape *shapes, struct err *e)
{
    if (height <= 0 || width <= 0 || height > MAX_EXTENT || width > MAX_EXTENT)
        return err_set(e, ERR_FORMAT, "input %dx%d, expected extents of 1 to %d", height,
                       width, MAX_EXTENT);
    shapes[0] = (struct net_shape){height, width, 0, 0};
    for (int i = 1; i < net->count; i++) {
        enum err_code rc = node_shape(net, i, shapes, e);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

int net_in_channels(const struct net *net, int i)
{
    int in = net->nodes[i].in[0];
    return in < 0 ? 0 : net->nodes[in].channels;
}

size_t net_weight_count(const struct net *net, int i)
{
    const struct net_node *node = &net->nodes[i];
    size_t out = (size_t)node->channels, in = (size_t)net_in_channels(net, i);
    size_t taps = (size_t)node->kernel_h * (size_t)node->kernel_w;
    switch (node->op) {
    case NET_CONV:
        return taps * in * out;
    case NET_DEPTHWISE:
        return taps * out;
    case NET_AFFINE:
        return out;
    case NET_FC:
        return in * out;
    case NET_INPUT:
    case NET_RELU:
    case NET_MAXPOOL:
    case NET_ADD:
    case NET_SCALE:
    case NET_GAP:
    case NET_OP_COUNT:
        break;
    }
    return 0;
}

uint64_t net_macs(const struct net *net, int i, const struct net_shape *shapes)
{
    enum net_op op = net->nodes[i].op;
    uint64_t pixels = (uint64_t)shapes[i].h * (uint64_t)shapes[i].w;
    if (op == NET_CONV || op == NET_DEPTHWISE || op == NET_FC)
        return pixels * net_weight_count(net, i);
    return 0;
}

static int readers(const struct net *net, int i)
{
    int n = 0;
    for (int j = i + 1; j < net->count; j++)
        n += (net->nodes[j].in[0] == i) + (net->nodes[j].in[1] == i);
    return n;
}

static float *copy_floats(const float *from, size_t n)
{
    float *to = mem_array(n, sizeof *to);
    if (to && n)
        memcpy(to, from, n * sizeof *to);
    return to;
}

// Folding writes to weights, so borrowed ones become the node's own first.
static bool make_own(struct net *net, int i)
{
    struct net_node *node = &net->nodes[i];
    if (!node->borrowed)
        return true;
    const size_t count = net_weight_count(net, i);
    float *weight = copy_floats(node->weight, count);
    float *bias = node->bias ? copy_floats(node->bias, (size_t)node->channels) : NULL;
    if (!weight || (node->bias && !bias)) {
        free(weight);
        free(bias);
        return false;
    }
    net_give_back(net, node->weight, count * sizeof *weight);
    node->weight = weight;
    node->bias = bias;
    node->borrowed = false;
    return true;
}

static enum err_code fold_into(struct net *net, int conv, int affine, struct err *e)
{
    struct net_node *c = &net->nodes[conv], *a = &net->nodes[affine];
    size_t channels = (size_t)c->channels, n = net_weight_count(net, conv);
    if (!make_own(net, conv) ||
        (!c->bias && !(c->bias = mem_array(channels, sizeof *c->bias))))
        return err_set(e, ERR_NOMEM, "no memory to fold %s", a->name);
    for (size_t i = 0; i < n; i += channels)
        for (size_t k = 0; k < channels; k++)
            c->weight[i + k] = (float)((double)c->weight[i + k] * (double)a->weight[k]);
    for (size_t k = 0; k < channels; k++) {
        double shift = a->bias ? (double)a->bias[k] : 0;
        c->bias[k] = (float)((double)c->bias[k] * (double)a->weight[k] + shift);
    }
    c->params += a->params;
    c->params_stats += a->params_stats;
    return ERR_OK;
}

// Takes node i out; its readers read its input instead.
static void drop_node(struct net *net, int i)
{
    int source = net->nodes[i].in[0];
    node_release(&net->nodes[i]);
    memmove(&net->nodes[i], &net->nodes[i + 1],
            (size_t)(net->count - i - 1) * sizeof net->nodes[0]);
    net->count--;
    for (int j = i; j < net->count; j++) {
        for (int k = 0; k < 2; k++) {
            int *in = &net->nodes[j].in[k];
            *in = *in == i ? source : *in > i ? *in - 1 : *in;
        }
    }
}

enum err_code net_fold(struct net *net, struct err *e)
{
    for (int i = 1; i < net->count; i++) {
        const struct net_node *node = &net->nodes[i];
        if (node->op != NET_AFFINE)
            continue;
        int conv = node->in[0];
        enum net_op op = net->nodes[conv].op;
        bool takes = op == NET_CONV || op == NET_DEPTHWISE || op == NET_FC;
        if (!takes || net->nodes[conv].quant || readers(net, conv) != 1)
            continue;
        enum err_code rc = fold_into(net, conv, i, e);
        if (rc != ERR_OK)
            return rc;
        drop_node(net, i--);
    }
    return ERR_OK;
}

enum { BLOCK = 1024 };

// Whether a block has a NaN or infinity: adding 1 to an exponent of all ones carries into
// the sign. A fixed count and no branches, so that compilers vectorise it.
static bool block_is_finite(const float *x)
{
    uint32_t carries = 0;
    for (int i = 0; i < BLOCK; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        carries |= (bits & 0x7f800000U) + 0x00800000U;
    }
    return carries >> 31 == 0;
}

// Index of the first NaN or infinity, or n.
static size_t first_not_finite(const float *x, size_t n)
{
    size_t i = 0;
    while (n - i >= BLOCK && block_is_finite(x + i))
        i += BLOCK;
    while (i < n && __builtin_isfinite(x[i]))
        i++;
    return i;
}

static enum err_code check_numbers(const struct net *net, int i, struct err *e)
{
    const struct net_node *node = &net->nodes[i];
    size_t n = net_weight_count(net, i);
    if (node->quant) {
        enum err_code rc = net_quant_check(net, i, e);
        if (rc != ERR_OK)
            return rc;
        n = 0;
    } else if (!node->weight != (n == 0) || (n == 0 && node->bias))
        return err_set(e, ERR_FORMAT, "%s: %s", node->name,
                       n ? "has no weights" : "has weights, expected none");
    size_t bad = first_not_finite(node->weight, n);
    if (bad < n)
        return err_set(e, ERR_FORMAT, "%s: weight %zu is not a finite number", node->name,
                       bad);
    size_t channels = node->bias ? (size_t)node->channels : 0;
    bad = first_not_finite(node->bias, channels);
    if (bad < channels)
        return err_set(e, ERR_FORMAT, "%s: bias %zu is not a finite number", node->name,
                       bad);
    if (!__builtin_isfinite(node->scale))
        return err_set(e, ERR_FORMAT, "%s: scale is not a finite number", node->name);
    return ERR_OK;
}

static bool pad_is_sound(int pad, int kernel, int dilation)
{
    return pad >= 0 && pad <= (kernel - 1) * dilation;
}

static enum err_code check_window(const struct net_node *node, struct err *e)
{
    int kh = node->kernel_h, kw = node->kernel_w, dilation = node->dilation;
    if (kh < 1 || kw < 1 || kh > MAX_KERNEL || kw > MAX_KERNEL)
        return err_set(e, ERR_FORMAT, "%s: kernel %dx%d, expected 1 to %d", node->name,
                       kh, kw, MAX_KERNEL);
    if (node->stride < 1 || node->stride > MAX_KERNEL || dilation < 1 ||
        dilation > MAX_KERNEL)
        return err_set(e, ERR_FORMAT, "%s: stride %d and dilation %d, expected 1 to %d",
                       node->name, node->stride, dilation, MAX_KERNEL);
    // More padding than this would make windows that see no pixel at all.
    if (node->padding == NET_PAD_EXPLICIT &&
        !(pad_is_sound(node->pad_top, kh, dilation) &&
          pad_is_sound(node->pad_bottom, kh, dilation) &&
          pad_is_sound(node->pad_left, kw, dilation) &&
          pad_is_sound(node->pad_right, kw, dilation)))
        return err_set(e, ERR_FORMAT, "%s: padding %d,%d,%d,%d does not fit kernel %dx%d",
                       node->name, node->pad_top, node->pad_left, node->pad_bottom,
                       node->pad_right, kh, kw);
    return ERR_OK;
}

static enum err_code check_channels(const struct net *net, int i, struct err *e)
{
    const struct net_node *node = &net->nodes[i];
    if (node->channels < 1 || node->channels > MAX_CHANNELS)
        return err_set(e, ERR_FORMAT, "%s: %d channels, expected 1 to %d", node->name,
                       node->channels, MAX_CHANNELS);
    int want = node->op == NET_INPUT                        ? 3
               : node->op == NET_CONV || node->op == NET_FC ? node->channels
                                                            : net_in_channels(net, i);
    if (node->channels != want)
        return err_set(e, ERR_FORMAT, "%s: %d channels, expected %d", node->name,
                       node->channels, want);
    if (node->op == NET_ADD && net->nodes[node->in[1]].channels != want)
        return err_set(e, ERR_FORMAT, "%s: adds %d channels to %d", node->name,
                       net->nodes[node->in[1]].channels, want);
    return ERR_OK;
}

static enum err_code check_node(const struct net *net, int i, struct err *e)
{
    const struct net_node *node = &net->nodes[i];
    int want = node->op == NET_INPUT ? 0 : node->op == NET_ADD ? 2 : 1;
    if (node->op >= NET_OP_COUNT || (node->op == NET_INPUT) != (i == 0))
        return err_set(e, ERR_FORMAT, "%s: node %d has op %d out of place", node->name, i,
                       (int)node->op);
    for (int k = 0; k < 2; k++)
        if (k < want ? node->in[k] < 0 || node->in[k] >= i : node->in[k] != -1)
            return err_set(e, ERR_FORMAT, "%s: input %d is node %d, expected %s",
                           node->name, k, node->in[k],
                           k < want ? "an earlier one" : "none");
    enum err_code rc = check_channels(net, i, e);
    if (rc == ERR_OK && is_windowed(node->op))
        rc = check_window(node, e);
    return rc == ERR_OK ? check_numbers(net, i, e) : rc;
}

// One global pooling; behind it a chain of dense layers and nothing else.
static enum err_code check_head(const struct net *net, struct err *e)
{
    int gap = -1;
    for (int i = 0; i < net->count; i++) {
        const struct net_node *node = &net->nodes[i];
        bool in_head =
            (node->op == NET_FC || node->op == NET_RELU) && node->in[0] == i - 1;
        if (gap < 0 ? node->op == NET_FC : !in_head)
            return err_set(e, ERR_FORMAT,
                           "%s: %s %s the global pooling, expected one pooling and dense "
                           "layers in a row behind it",
                           node->name, net_op_name(node),
                           gap < 0 ? "in front of" : "behind");
        if (node->op == NET_GAP)
            gap = i;
        if (i + 1 < net->count && readers(net, i) == 0)
            return err_set(e, ERR_FORMAT, "%s: no layer reads it", node->name);
    }
    if (gap < 0 || net->nodes[net->count - 1].op != NET_FC)
        return err_set(e, ERR_FORMAT, "no %s at the end, expected one",
                       gap < 0 ? "global pooling" : "classifier");
    return ERR_OK;
}

enum err_code net_check(const struct net *net, struct err *e)
{
    if (net->count == 0)
        return err_set(e, ERR_FORMAT, "an empty network");
    for (int i = 0; i < net->count; i++) {
        enum err_code rc = check_node(net, i, e);
        if (rc != ERR_OK)
            return rc;
    }
    return check_head(net, e);
}

const char *net_op_name(const struct net_node *node)
{
    static const char *const plain[NET_OP_COUNT] = {
        [NET_INPUT] = "input",   [NET_CONV] = "conv",   [NET_DEPTHWISE] = "depthwise",
        [NET_AFFINE] = "affine", [NET_RELU] = "relu",   [NET_MAXPOOL] = "maxpool",
        [NET_ADD] = "add",       [NET_SCALE] = "scale", [NET_GAP] = "globalpool",
        [NET_FC] = "dense",
    };
    static const struct {
        enum net_op op;
        int kernel;
        const char *name;
    } sized[] = {
        {NET_CONV, 1, "pointwise"},         {NET_CONV, 3, "conv3x3"},
        {NET_CONV, 5, "conv5x5"},           {NET_CONV, 7, "conv7x7"},
        {NET_DEPTHWISE, 3, "depthwise3x3"}, {NET_DEPTHWISE, 5, "depthwise5x5"},
        {NET_MAXPOOL, 2, "maxpool2x2"},     {NET_MAXPOOL, 3, "maxpool3x3"},
    };
    for (size_t i = 0; i < sizeof sized / sizeof sized[0]; i++)
        if (sized[i].op == node->op && sized[i].kernel == node->kernel_h &&
            sized[i].kernel == node->kernel_w)
            return sized[i].name;
    return plain[node->op];
}

// Nodes that bring weights or windows.

#include "engine/model/layout.h"
#include "engine/weights/onnx/onnx_graph.h"

#include "base/mem.h"

#include <limits.h>
#include <math.h>
#include <onnx.pb-c.h>
#include <stdlib.h>
#include <string.h>

// Input k as floats of this shape (0: any, filled in). It must be a constant.
static enum err_code floats(struct onnx_build *b, const Onnx__Node *n, size_t k, int ndim,
                            size_t *shape, float **out, struct err *e)
{
    const struct onnx_value *v = onnx_in(b, n, k, ONNX_CONST);
    if (!v)
        return onnx_refuse(b, n, e, "input %zu is no constant", k);
    return bag_floats(&b->bag, onnx_tensor_of(b, v)->name, ndim, shape, out, e);
}

static bool has_input(const Onnx__Node *n, size_t k)
{
    return k < n->n_input && n->input[k][0];
}

// One number for both directions, from an attribute of none, one or two.
static bool both(const Onnx__Node *n, const char *name, int *out)
{
    int64_t v[2] = {1, 1};
    int count = onnx_attr_ints(n, name, 2, v);
    *out = (int)v[0];
    return v[0] >= 1 && v[0] < INT_MAX && (count < 2 || v[0] == v[1]);
}

static bool pads_of(const Onnx__Node *n, int64_t pads[4])
{
    memset(pads, 0, 4 * sizeof *pads);
    (void)onnx_attr_ints(n, "pads", 4, pads); // top, left, bottom, right
    for (int i = 0; i < 4; i++)
        if (pads[i] < 0 || pads[i] > INT_MAX / 2)
            return false;
    return true;
}

// Stride, dilation and padding of a window of kh x kw, with what a Pad in front left.
static enum err_code window(struct onnx_build *b, const Onnx__Node *n,
                            const struct onnx_value *x, struct net_node *node,
                            struct err *e)
{
    int64_t pads[4];
    if (!both(n, "strides", &node->stride) || !both(n, "dilations", &node->dilation))
        return onnx_refuse(b, n, e, "strides or dilations that differ by direction");
    if (!pads_of(n, pads))
        return onnx_refuse(b, n, e, "pads that are negative");
    if (onnx_attr_is(n, "auto_pad", "SAME_UPPER", false)) {
        node->padding = NET_PAD_SAME;
    } else if (onnx_attr_is(n, "auto_pad", "VALID", false)) {
        memset(pads, 0, sizeof pads);
    } else if (!onnx_attr_is(n, "auto_pad", "NOTSET", true)) {
        return onnx_refuse(b, n, e, "auto_pad of another kind");
    }
    int *to[] = {&node->pad_top, &node->pad_left, &node->pad_bottom, &node->pad_right};
    bool padded = false;
    for (int i = 0; i < 4; i++) {
        *to[i] = (int)pads[i] + x->pad[i];
        padded |= x->pad[i] != 0;
    }
    if (padded && node->padding == NET_PAD_SAME)
        return onnx_refuse(b, n, e, "auto_pad behind a Pad");
    return ERR_OK;
}

// Weights as [out][in or 1][h][w] in the order of the net. Group 1 is dense, as many
// groups as channels are a depthwise convolution.
static enum err_code conv_weights(struct onnx_build *b, const Onnx__Node *n, int channels,
                                  struct net_node *node, struct err *e)
{
    bool depthwise = node->op == NET_DEPTHWISE;
    size_t c = (size_t)channels, shape[4] = {depthwise ? c : 0, depthwise ? 1 : c, 0, 0};
    float *oihw = NULL;
    enum err_code rc = floats(b, n, 1, 4, shape, &oihw, e);
    if (rc)
        return rc;
    size_t taps = shape[2] * shape[3];
    node->channels = (int)shape[0];
    node->kernel_h = (int)shape[2];
    node->kernel_w = (int)shape[3];
    node->weight = layout_hwio(oihw, shape[0], shape[1], taps);
    node->params = shape[0] * shape[1] * taps;
    free(oihw);
    if (!node->weight)
        return err_set(e, ERR_NOMEM, "%s: out of memory", b->path);
    if (!has_input(n, 2))
        return ERR_OK;
    node->params += shape[0];
    return floats(b, n, 2, 1, shape, &node->bias, e);
}

enum err_code onnx_conv(struct onnx_build *b, const struct Onnx__Node *n, struct err *e)
{
    const struct onnx_value *x = onnx_in(b, n, 0, ONNX_MAP);
    if (!x)
        return onnx_refuse(b, n, e, "its input is no feature map with channels in front");
    int channels = b->net->nodes[x->node].channels;
    int64_t group = onnx_attr_int(n, "group", 1);
    if (group != 1 && group != channels)
        return onnx_refuse(b, n, e, "%lld groups of %d channels, expected 1 or all",
                           (long long)group, channels);
    if (x->pad_value != 0)
        return onnx_refuse(b, n, e, "reads a padding of %g, expected 0", x->pad_value);
    struct onnx_value y = onnx_add(b, n, group == 1 ? NET_CONV : NET_DEPTHWISE, x);
    struct net_node *node = &b->net->nodes[y.node];
    enum err_code rc = conv_weights(b, n, channels, node, e);
    if (!rc)
        rc = window(b, n, x, node, e);
    memset(y.pad, 0, sizeof y.pad);
    return rc ? rc : onnx_out(b, n, y, e);
}

enum err_code onnx_max_pool(struct onnx_build *b, const struct Onnx__Node *n,
                            struct err *e)
{
    const struct onnx_value *x = onnx_in(b, n, 0, ONNX_MAP);
    int64_t kernel[2];
    if (!x)
        return onnx_refuse(b, n, e, "its input is no feature map with channels in front");
    if (onnx_attr_ints(n, "kernel_shape", 2, kernel) != 2 || kernel[0] < 1 ||
        kernel[1] < 1 || kernel[0] > INT_MAX || kernel[1] > INT_MAX)
        return onnx_refuse(b, n, e, "no kernel_shape of two extents");
    if (onnx_attr_int(n, "ceil_mode", 0) != 0)
        return onnx_refuse(b, n, e, "ceil_mode, expected floor");
    if (n->n_output > 1 && n->output[1][0])
        return onnx_refuse(b, n, e, "gives indices as well");
    // A padding that no maximum ever is: minus infinity, or 0 behind a ReLU.
    bool rectified = b->net->nodes[x->node].op == NET_RELU;
    if (x->pad_value > -1e30 && !rectified &&
        (x->pad[0] || x->pad[1] || x->pad[2] || x->pad[3]))
        return onnx_refuse(b, n, e, "reads a padding of %g, expected minus infinity",
                           x->pad_value);
    struct onnx_value y = onnx_add(b, n, NET_MAXPOOL, x);
    struct net_node *node = &b->net->nodes[y.node];
    node->kernel_h = (int)kernel[0];
    node->kernel_w = (int)kernel[1];
    enum err_code rc = window(b, n, x, node, e);
    memset(y.pad, 0, sizeof y.pad);
    y.pad_value = 0;
    return rc ? rc : onnx_out(b, n, y, e);
}

// ---- per channel ----

// y = scale·x + shift over the channels of a map; takes both arrays (shift may be NULL).
static enum err_code affine_take(struct onnx_build *b, const Onnx__Node *n,
                                 const struct onnx_value *x, float *scale, float *shift,
                                 uint64_t stats, struct err *e)
{
    struct onnx_value y = onnx_add(b, n, NET_AFFINE, x);
    struct net_node *node = &b->net->nodes[y.node];
    node->weight = scale;
    node->bias = shift;
    node->params_stats = stats;
    node->params = (uint64_t)node->channels * (stats ? 2 : 1);
    return onnx_out(b, n, y, e);
}

enum err_code onnx_batch_norm(struct onnx_build *b, const struct Onnx__Node *n,
                              struct err *e)
{
    const struct onnx_value *x = onnx_in(b, n, 0, ONNX_MAP);
    double epsilon = onnx_attr_float(n, "epsilon", 1e-5);
    float *p[4] = {NULL}; // scale, shift, mean, variance
    enum err_code rc;
    if (!x)
        return onnx_refuse(b, n, e, "its input is no feature map with channels in front");
    if (onnx_attr_int(n, "training_mode", 0) != 0)
        return onnx_refuse(b, n, e, "training_mode, expected inference");
    size_t c = (size_t)b->net->nodes[x->node].channels;
    for (size_t k = 0; k < 4; k++)
        TRY(floats(b, n, k + 1, 1, &c, &p[k], e));
    for (size_t i = 0; i < c; i++) {
        double spread = (double)p[3][i] + epsilon;
        if (!(spread > 0)) {
            rc = onnx_refuse(b, n, e, "the variance %g at %zu", (double)p[3][i], i);
            goto out;
        }
        double scale = (double)p[0][i] / sqrt(spread);
        p[1][i] = (float)((double)p[1][i] - (double)p[2][i] * scale);
        p[0][i] = (float)scale;
    }
    rc = affine_take(b, n, x, p[0], p[1], 2 * c, e);
    p[0] = p[1] = NULL;
out:
    for (int k = 0; k < 4; k++)
        free(p[k]);
    return rc;
}

// Whether a constant of this shape is one number, or one a channel of a map.
static bool per_channel(const struct bag_tensor *t, size_t channels)
{
    size_t count = onnx_tensor_count(t);
    if (count == 1)
        return true;
    bool placed = (t->ndim == 3 && t->shape[0] == channels) ||
                  (t->ndim == 4 && t->shape[1] == channels && t->shape[0] == 1);
    return placed && count == channels;
}

// What an operator with a constant does, as y = scale·x + shift.
static bool linear(const char *op, bool constant_first, double value, double *scale,
                   double *shift)
{
    *scale = 1;
    *shift = 0;
    if (strcmp(op, "Add") == 0)
        *shift = value;
    else if (strcmp(op, "Mul") == 0)
        *scale = value;
    else if (strcmp(op, "Sub") == 0) {
        *scale = constant_first ? -1 : 1;
        *shift = constant_first ? value : -value;
    } else if (!constant_first && value != 0) {
        *scale = 1 / value;
    } else {
        return false;
    }
    return true;
}

static enum err_code map_with_constant(struct onnx_build *b, const Onnx__Node *n,
                                       const struct onnx_value *x,
                                       const struct onnx_value *constant, struct err *e)
{
    const struct bag_tensor *t = onnx_tensor_of(b, constant);
    size_t c = (size_t)b->net->nodes[x->node].channels, shape[BAG_MAX_DIMS];
    if (!per_channel(t, c))
        return onnx_refuse(b, n, e,
                           "its constant is neither one number nor one a channel");
    size_t count = onnx_tensor_count(t);
    bool first = onnx_in(b, n, 0, ONNX_CONST) != NULL;
    float *values = NULL, *scale, *shift;
    memcpy(shape, t->shape, sizeof shape);
    enum err_code rc = bag_floats(&b->bag, t->name, t->ndim, shape, &values, e);
    if (rc)
        return rc;
    if (count == 1 && strcmp(n->op_type, "Mul") == 0) {
        struct onnx_value y = onnx_add(b, n, NET_SCALE, x);
        b->net->nodes[y.node].scale = values[0];
        free(values);
        return onnx_out(b, n, y, e);
    }
    scale = mem_array(c, sizeof *scale);
    shift = mem_array(c, sizeof *shift);
    if (!scale || !shift) {
        rc = err_set(e, ERR_NOMEM, "%s: out of memory", b->path);
        goto out;
    }
    for (size_t i = 0; i < c; i++) {
        double by, plus;
        if (!linear(n->op_type, first, (double)values[count == 1 ? 0 : i], &by, &plus)) {
            rc = onnx_refuse(b, n, e, "divides by a feature map or by 0");
            goto out;
        }
        scale[i] = (float)by;
        shift[i] = (float)plus;
    }
    rc = affine_take(b, n, x, scale, shift, 0, e);
    scale = shift = NULL;
out:
    free(values);
    free(scale);
    free(shift);
    return rc;
}

// The bias of a MatMul in front.
static enum err_code vector_with_constant(struct onnx_build *b, const Onnx__Node *n,
                                          const struct onnx_value *x,
                                          const struct onnx_value *constant,
                                          struct err *e)
{
    struct net_node *node = &b->net->nodes[x->node];
    const struct bag_tensor *t = onnx_tensor_of(b, constant);
    size_t shape[BAG_MAX_DIMS];
    bool last = x->node == b->net->count - 1;
    if (strcmp(n->op_type, "Add") != 0 || node->op != NET_FC || node->bias || !last ||
        onnx_tensor_count(t) != (size_t)node->channels)
        return onnx_refuse(b, n, e, "arithmetic behind the pooling, expected a bias");
    memcpy(shape, t->shape, sizeof shape);
    enum err_code rc = bag_floats(&b->bag, t->name, t->ndim, shape, &node->bias, e);
    node->params += (uint64_t)node->channels;
    return rc ? rc : onnx_out(b, n, *x, e);
}

enum err_code onnx_arith(struct onnx_build *b, const struct Onnx__Node *n, struct err *e)
{
    const struct onnx_value *in[2] = {NULL, NULL}, *constant = NULL, *x = NULL;
    for (size_t k = 0; k < 2; k++) {
        in[k] = k < n->n_input ? onnx_value_find(b, n->input[k]) : NULL;
        if (!in[k])
            return onnx_refuse(b, n, e, "has no two operands");
        if (in[k]->kind == ONNX_CONST)
            constant = in[k];
        else
            x = in[k];
    }
    if (!x)
        return onnx_refuse(b, n, e, "of constants alone");
    if (constant && x->kind == ONNX_MAP)
        return map_with_constant(b, n, x, constant, e);
    if (constant && x->kind == ONNX_VECTOR)
        return vector_with_constant(b, n, x, constant, e);
    if (strcmp(n->op_type, "Add") != 0 || in[0]->kind != ONNX_MAP ||
        in[1]->kind != ONNX_MAP)
        return onnx_refuse(b, n, e, "its operands are not two feature maps to be added");
    struct onnx_value y = onnx_add(b, n, NET_ADD, in[0]);
    b->net->nodes[y.node].in[1] = in[1]->node;
    return onnx_out(b, n, y, e);
}

// ---- dense ----

static enum err_code dense(struct onnx_build *b, const Onnx__Node *n,
                           const struct onnx_value *x, bool transposed, struct err *e)
{
    size_t in = (size_t)b->net->nodes[x->node].channels, shape[2] = {in, 0};
    float *weight = NULL;
    if (transposed)
        memcpy(shape, (size_t[]){0, in}, sizeof shape);
    enum err_code rc = floats(b, n, 1, 2, shape, &weight, e);
    if (rc)
        return rc;
    size_t out = shape[!transposed];
    if (transposed) {
        float *turned = layout_hwio(weight, out, in, 1);
        free(weight);
        weight = turned;
        if (!weight)
            return err_set(e, ERR_NOMEM, "%s: out of memory", b->path);
    }
    struct onnx_value y = onnx_add(b, n, NET_FC, x);
    struct net_node *node = &b->net->nodes[y.node];
    node->channels = (int)out;
    node->weight = weight;
    node->params = in * out;
    if (has_input(n, 2)) {
        node->params += out;
        rc = floats(b, n, 2, 1, &out, &node->bias, e);
    }
    return rc ? rc : onnx_out(b, n, y, e);
}

enum err_code onnx_gemm(struct onnx_build *b, const struct Onnx__Node *n, struct err *e)
{
    const struct onnx_value *x = onnx_in(b, n, 0, ONNX_VECTOR);
    if (!x || !x->flat || x->softmax)
        return onnx_refuse(b, n, e, "its input is not the pooled features");
    if (onnx_attr_int(n, "transA", 0) || onnx_attr_float(n, "alpha", 1) != 1 ||
        onnx_attr_float(n, "beta", 1) != 1)
        return onnx_refuse(b, n, e, "transA, alpha or beta");
    return dense(b, n, x, onnx_attr_int(n, "transB", 0) != 0, e);
}

enum err_code onnx_mat_mul(struct onnx_build *b, const struct Onnx__Node *n,
                           struct err *e)
{
    const struct onnx_value *x = onnx_in(b, n, 0, ONNX_VECTOR);
    if (!x || !x->flat || x->softmax)
        return onnx_refuse(b, n, e, "its input is not the pooled features");
    return dense(b, n, x, false, e);
}

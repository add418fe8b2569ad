// Nodes without weights, and the table of all.

#include "engine/weights/onnx/onnx_graph.h"

#include "base/mem.h"

#include <onnx.pb-c.h>
#include <stdlib.h>
#include <string.h>

static enum err_code op_same(struct onnx_build *b, const Onnx__Node *n, struct err *e)
{
    const struct onnx_value *x = n->n_input ? onnx_value_find(b, n->input[0]) : NULL;
    return x ? onnx_out(b, n, *x, e) : onnx_refuse(b, n, e, "has no input");
}

static enum err_code op_constant(struct onnx_build *b, const Onnx__Node *n, struct err *e)
{
    const Onnx__Tensor *tensor = onnx_attr_tensor(n, "value");
    if (!tensor || n->n_output == 0)
        return onnx_refuse(b, n, e, "holds no tensor");
    return onnx_tensor_add(b, tensor, n->output[0], e);
}

static enum err_code op_relu(struct onnx_build *b, const Onnx__Node *n, struct err *e)
{
    const struct onnx_value *x = onnx_in(b, n, 0, ONNX_MAP);
    if (!x)
        x = onnx_in(b, n, 0, ONNX_VECTOR);
    return x ? onnx_out(b, n, onnx_add(b, n, NET_RELU, x), e)
             : onnx_refuse(b, n, e, "its input is no feature map");
}

// Extents that exporters compute from the picture's for the reshape behind the pooling.
// Which they are is known anyway.
static enum err_code op_extents(struct onnx_build *b, const Onnx__Node *n, struct err *e)
{
    bool shape = strcmp(n->op_type, "Shape") == 0;
    for (size_t k = 0; k < n->n_input; k++) {
        const struct onnx_value *v = onnx_value_find(b, n->input[k]);
        if (!shape && n->input[k][0] && v->kind != ONNX_CONST && v->kind != ONNX_SHAPE)
            return onnx_refuse(b, n, e, "of a feature map, expected extents");
    }
    return onnx_out(b, n, (struct onnx_value){.kind = ONNX_SHAPE}, e);
}

// ---- padding and order ----

// Folded into the window that reads it.
static enum err_code op_pad(struct onnx_build *b, const Onnx__Node *n, struct err *e)
{
    const struct onnx_value *x = onnx_in(b, n, 0, ONNX_MAP);
    const struct onnx_value *given = onnx_in(b, n, 1, ONNX_CONST);
    const struct onnx_value *fill = onnx_in(b, n, 2, ONNX_CONST);
    int64_t pads[8];
    int count = given ? onnx_tensor_ints(onnx_tensor_of(b, given), 8, pads)
                      : onnx_attr_ints(n, "pads", 8, pads);
    double value = onnx_attr_float(n, "value", 0);
    if (!x || count != 8 || !onnx_attr_is(n, "mode", "constant", true))
        return onnx_refuse(b, n, e, "expected a constant padding of a feature map");
    if (pads[0] || pads[1] || pads[4] || pads[5])
        return onnx_refuse(b, n, e, "pads pictures or channels");
    if (fill) {
        float *number = NULL;
        const struct bag_tensor *t = onnx_tensor_of(b, fill);
        enum err_code rc =
            bag_floats(&b->bag, t->name, t->ndim, (size_t[8]){0}, &number, e);
        if (rc)
            return rc;
        value = (double)number[0];
        free(number);
    }
    struct onnx_value y = *x;
    const int64_t by_side[] = {pads[2], pads[3], pads[6], pads[7]};
    for (int i = 0; i < 4; i++) {
        if (by_side[i] < 0 || by_side[i] > 255 || x->pad[i])
            return onnx_refuse(b, n, e, "a padding of %lld", (long long)by_side[i]);
        y.pad[i] = (int)by_side[i];
    }
    y.pad_value = value;
    return onnx_out(b, n, y, e);
}

static enum err_code transpose_constant(struct onnx_build *b, const Onnx__Node *n,
                                        const struct onnx_value *x, struct err *e)
{
    struct bag_tensor t = *onnx_tensor_of(b, x);
    if (t.ndim != 2 || n->n_output == 0)
        return onnx_refuse(b, n, e, "of a constant that is no matrix");
    const size_t strides[] = {1, t.shape[1]}, rows = t.shape[0];
    t.name = n->output[0];
    t.shape[0] = t.shape[1];
    t.shape[1] = rows;
    enum err_code rc = bag_add_strided(&b->bag, &t, strides, e);
    struct onnx_value y = {.kind = ONNX_CONST, .constant = b->bag.count - 1};
    return rc ? rc : onnx_out(b, n, y, e);
}

// Channels from the last place to the first and back: no more than a note, for the net
// has an order of its own.
static enum err_code op_transpose(struct onnx_build *b, const Onnx__Node *n,
                                  struct err *e)
{
    static const int64_t to_front[] = {0, 3, 1, 2}, to_back[] = {0, 2, 3, 1};
    const struct onnx_value *x = n->n_input ? onnx_value_find(b, n->input[0]) : NULL;
    int64_t order[4];
    if (x && x->kind == ONNX_CONST)
        return transpose_constant(b, n, x, e);
    int count = onnx_attr_ints(n, "perm", 4, order);
    struct onnx_value y = x ? *x : (struct onnx_value){0};
    if (count == 4 && x && x->kind == ONNX_LAST &&
        memcmp(order, to_front, sizeof order) == 0)
        y.kind = ONNX_MAP;
    else if (count == 4 && x && x->kind == ONNX_MAP &&
             memcmp(order, to_back, sizeof order) == 0)
        y.kind = ONNX_LAST;
    else
        return onnx_refuse(b, n, e, "an order other than channels first or last");
    return onnx_out(b, n, y, e);
}

// ---- pooling and what flattens it ----

static bool is_padded(const struct onnx_value *x)
{
    return x->pad[0] || x->pad[1] || x->pad[2] || x->pad[3];
}

static enum err_code pool(struct onnx_build *b, const Onnx__Node *n,
                          const struct onnx_value *x, bool flat, struct err *e)
{
    struct onnx_value y = onnx_add(b, n, NET_GAP, x);
    y.kind = ONNX_VECTOR;
    y.flat = flat;
    return onnx_out(b, n, y, e);
}

static enum err_code op_global_pool(struct onnx_build *b, const Onnx__Node *n,
                                    struct err *e)
{
    const struct onnx_value *x = onnx_in(b, n, 0, ONNX_MAP);
    return x ? pool(b, n, x, false, e)
             : onnx_refuse(b, n, e, "its input is no feature map with channels in front");
}

static enum err_code op_reduce_mean(struct onnx_build *b, const Onnx__Node *n,
                                    struct err *e)
{
    const struct onnx_value *x = onnx_in(b, n, 0, ONNX_MAP);
    int64_t axes[2], first = 2;
    if (!x) {
        x = onnx_in(b, n, 0, ONNX_LAST);
        first = 1;
    }
    if (!x || onnx_attr_axes(b, n, 4, 2, axes) != 2 ||
        axes[0] + axes[1] != 2 * first + 1 || (axes[0] != first && axes[1] != first))
        return onnx_refuse(b, n, e, "expected the mean over height and width");
    return pool(b, n, x, onnx_attr_int(n, "keepdims", 1) == 0, e);
}

static enum err_code flatten(struct onnx_build *b, const Onnx__Node *n, bool flat,
                             struct err *e)
{
    const struct onnx_value *x = onnx_in(b, n, 0, ONNX_VECTOR);
    if (!x)
        return onnx_refuse(b, n, e, "its input is not the pooled features");
    struct onnx_value y = *x;
    y.flat = flat;
    return onnx_out(b, n, y, e);
}

static enum err_code op_flatten(struct onnx_build *b, const Onnx__Node *n, struct err *e)
{
    int64_t axis = onnx_attr_int(n, "axis", 1);
    if (axis != 1)
        return onnx_refuse(b, n, e, "axis %lld, expected 1", (long long)axis);
    return flatten(b, n, true, e);
}

static enum err_code op_squeeze(struct onnx_build *b, const Onnx__Node *n, struct err *e)
{
    int64_t axes[4];
    int count = onnx_attr_axes(b, n, 4, 4, axes);
    // Height and width; where none are named it is every extent of 1.
    if (count > 0 && (count != 2 || axes[0] == axes[1] || axes[0] < 1 || axes[1] < 1))
        return onnx_refuse(b, n, e, "expected the axes of height and width");
    return flatten(b, n, true, e);
}

static enum err_code op_reshape(struct onnx_build *b, const Onnx__Node *n, struct err *e)
{
    const struct onnx_value *shape = onnx_in(b, n, 1, ONNX_CONST);
    const struct onnx_value *x = onnx_in(b, n, 0, ONNX_VECTOR);
    int64_t extents[4] = {0, -1};
    int count = 2;
    if (shape)
        count = onnx_tensor_ints(onnx_tensor_of(b, shape), 4, extents);
    if (!x || (!shape && !onnx_in(b, n, 1, ONNX_SHAPE)))
        return onnx_refuse(b, n, e, "expected the pooled features and extents");
    int64_t channels = b->net->nodes[x->node].channels;
    bool fits = extents[1] == channels || extents[1] == -1 || extents[1] == 0;
    if (!fits || (count != 2 && (count != 4 || extents[2] != 1 || extents[3] != 1)))
        return onnx_refuse(b, n, e, "to a shape other than [n, %lld]",
                           (long long)channels);
    return flatten(b, n, count == 2, e);
}

static enum err_code op_softmax(struct onnx_build *b, const Onnx__Node *n, struct err *e)
{
    const struct onnx_value *x = onnx_in(b, n, 0, ONNX_VECTOR);
    int64_t axis = onnx_attr_int(n, "axis", -1);
    if (!x || !x->flat || (axis != 1 && axis != -1))
        return onnx_refuse(b, n, e, "expected classes to make probabilities of");
    struct onnx_value y = *x;
    y.softmax = true;
    return onnx_out(b, n, y, e);
}

// ---- the table ----

enum takes { NOTHING, PADDING, SOFTMAX };

static const struct {
    const char *op;
    onnx_op_fn *run;
    enum takes takes;
} ops[] = {
#define OP(op, handler, takes) {#op, handler, takes},
#include "engine/weights/onnx/onnx_op.def"
#undef OP
};

// Every operand must be there: what is not was made by no node, or by a later one.
static enum err_code check_inputs(const struct onnx_build *b, const Onnx__Node *n,
                                  enum takes takes, struct err *e)
{
    for (size_t k = 0; k < n->n_input; k++) {
        const struct onnx_value *v = onnx_value_find(b, n->input[k]);
        if (n->input[k][0] && !v)
            return onnx_refuse(b, n, e,
                               "reads %.100s, which is no weight and no earlier node "
                               "makes: it is missing, or the graph has a cycle",
                               n->input[k]);
        if (v && v->kind == ONNX_VECTOR && v->softmax && takes != SOFTMAX)
            return onnx_refuse(b, n, e, "behind the softmax, expected the end");
        if (v && v->kind == ONNX_MAP && is_padded(v) && takes != PADDING)
            return onnx_refuse(b, n, e, "reads a padding, expected Conv or MaxPool");
    }
    return ERR_OK;
}

enum err_code onnx_node_run(struct onnx_build *b, const struct Onnx__Node *n,
                            struct err *e)
{
    const char *domain = n->domain ? n->domain : "", *op = n->op_type ? n->op_type : "";
    bool standard = !*domain || strcmp(domain, "ai.onnx") == 0;
    for (size_t i = 0; standard && i < sizeof ops / sizeof ops[0]; i++)
        if (strcmp(ops[i].op, op) == 0) {
            enum err_code rc = check_inputs(b, n, ops[i].takes, e);
            return rc ? rc : ops[i].run(b, n, e);
        }
    return onnx_refuse(b, n, e, "the op %.60s%s%.60s is not known", domain,
                       *domain ? "." : "", op);
}

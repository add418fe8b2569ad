#include "engine/weights/native.h"

#include "engine/weights/meta.h"

#include "base/mem.h"
#include "base/str.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NODES = 4096 };

static const char *const ops[NET_OP_COUNT] = {
    [NET_INPUT] = "input",   [NET_CONV] = "conv",   [NET_DEPTHWISE] = "depthwise",
    [NET_AFFINE] = "affine", [NET_RELU] = "relu",   [NET_MAXPOOL] = "maxpool",
    [NET_ADD] = "add",       [NET_SCALE] = "scale", [NET_GAP] = "globalpool",
    [NET_FC] = "dense",
};

const char *native_op_name(enum net_op op)
{
    return ops[op];
}

bool native_is(const struct bag *bag)
{
    return bag_meta(bag, "xlens.graph") != NULL;
}

static const cJSON *item(const cJSON *row, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(row, key);
}

// A whole number in range; absent gives the default.
static bool get_int(const cJSON *value, int otherwise, int min, int max, int *out)
{
    *out = otherwise;
    if (!value)
        return true;
    if (!cJSON_IsNumber(value) || value->valuedouble < min || value->valuedouble > max ||
        value->valuedouble != floor(value->valuedouble))
        return false;
    *out = (int)value->valuedouble;
    return true;
}

static bool get_count(const cJSON *value, uint64_t *out)
{
    double n = value ? value->valuedouble : 0;
    *out = n >= 0 && n <= 0x1p53 ? (uint64_t)n : 0;
    return !value || (cJSON_IsNumber(value) && n >= 0 && n <= 0x1p53);
}

static bool get_ints(const cJSON *list, int n, int *const out[])
{
    const cJSON *value = list ? list->child : NULL;
    for (int i = 0; i < n; i++, value = value ? value->next : NULL)
        if (!get_int(value, 0, -1, 1 << 16, out[i]))
            return false;
    return true;
}

static enum net_op find_op(const char *name)
{
    int op = 0;
    while (op < NET_OP_COUNT && (!name || strcmp(ops[op], name) != 0))
        op++;
    return (enum net_op)op;
}

// One row of the graph; net_check judges whether the numbers make sense.
static bool read_node(const cJSON *row, struct net *net)
{
    const char *name = cJSON_GetStringValue(item(row, "name"));
    enum net_op op = find_op(cJSON_GetStringValue(item(row, "op")));
    const cJSON *in = item(row, "in"), *pad = item(row, "pad"),
                *scale = item(row, "scale");
    int inputs = cJSON_GetArraySize(in);
    if (!name || op == NET_OP_COUNT || inputs > 2 || cJSON_GetArraySize(pad) > 4 ||
        (scale && !cJSON_IsNumber(scale)))
        return false;
    int i = net_add(net, op, name, -1, -1);
    struct net_node *n = &net->nodes[i];
    n->scale = scale ? (float)scale->valuedouble : 0;
    if (cJSON_IsString(pad) && strcmp(pad->valuestring, "same") == 0)
        n->padding = NET_PAD_SAME;
    return get_ints(in, inputs, (int *const[]){&n->in[0], &n->in[1]}) &&
           get_ints(item(row, "kernel"), 2, (int *const[]){&n->kernel_h, &n->kernel_w}) &&
           get_ints(pad, 4,
                    (int *const[]){&n->pad_top, &n->pad_left, &n->pad_bottom,
                                   &n->pad_right}) &&
           get_int(item(row, "channels"), 0, 1, 1 << 16, &n->channels) &&
           get_int(item(row, "stride"), 0, 1, 1 << 16, &n->stride) &&
           get_int(item(row, "dilation"), 0, 1, 1 << 16, &n->dilation) &&
           get_count(item(row, "params"), &n->params) &&
           get_count(item(row, "stats"), &n->params_stats);
}

int native_weight_shape(const struct net *net, int i, size_t shape[4])
{
    const struct net_node *n = &net->nodes[i];
    size_t out = (size_t)n->channels, in = (size_t)net_in_channels(net, i);
    size_t h = (size_t)n->kernel_h, w = (size_t)n->kernel_w;
    if (n->quant)
        in += (size_t)n->quant->more;
    if (n->op == NET_CONV)
        memcpy(shape, (size_t[]){h, w, in, out}, 4 * sizeof *shape);
    else if (n->op == NET_DEPTHWISE)
        memcpy(shape, (size_t[]){h, w, out}, 3 * sizeof *shape);
    else if (n->op == NET_FC)
        memcpy(shape, (size_t[]){in, out}, 2 * sizeof *shape);
    else
        shape[0] = out;
    return n->op == NET_CONV ? 4 : n->op == NET_DEPTHWISE ? 3 : n->op == NET_FC ? 2 : 1;
}

// Points a node at a tensor of float32; NULL when a bias is not there.
static enum err_code borrow(struct bag *bag, const char *node, const char *what, int ndim,
                            const size_t *shape, float **out, struct err *e)
{
    char *name = mem_printf("%s.%s", node, what);
    const struct bag_tensor *t = bag_find(bag, name);
    enum err_code rc = ERR_OK;
    if (t && t->dtype != BAG_F32)
        rc = err_set(e, ERR_FORMAT, "%s: tensor %.200s is of another type, expected F32",
                     bag->path, name);
    else if (t && (t->ndim != ndim ||
                   memcmp(t->shape, shape, (size_t)ndim * sizeof *shape) != 0))
        rc = err_set(e, ERR_FORMAT, "%s: tensor %.200s has not the shape of its node",
                     bag->path, name);
    else if (t && (uintptr_t)t->data % sizeof(float))
        rc = err_set(e, ERR_FORMAT, "%s: tensor %.200s does not begin at a multiple of 4",
                     bag->path, name);
    else if (t) {
        *out = (float *)(uintptr_t)t->data;
        bag->tensors[t - bag->tensors].used = true;
    } else if (strcmp(what, "weight") == 0)
        rc = err_set(e, ERR_FORMAT, "%s: no tensor %.200s", bag->path, name);
    free(name);
    return rc;
}

// Weights of another type become float32 in memory of the node's own.
static enum err_code widen(struct bag *bag, struct net_node *n, int ndim, size_t *shape,
                           struct err *e)
{
    char *weight = mem_printf("%s.weight", n->name),
         *bias = mem_printf("%s.bias", n->name);
    size_t channels = (size_t)n->channels;
    enum err_code rc = bag_floats(bag, weight, ndim, shape, &n->weight, e);
    if (rc == ERR_OK && bag_find(bag, bias))
        rc = bag_floats(bag, bias, 1, &channels, &n->bias, e);
    free(weight);
    free(bias);
    return rc;
}

static bool is_bf16(const struct bag *bag, const struct net_node *n)
{
    char *name = mem_printf("%s.weight", n->name);
    const struct bag_tensor *t = bag_find(bag, name);
    free(name);
    return t && t->dtype == BAG_BF16;
}

static enum err_code take_weights(struct bag *bag, struct net *net, int i, struct err *e)
{
    struct net_node *n = &net->nodes[i];
    size_t shape[4], channels = (size_t)n->channels;
    if (n->op != NET_CONV && n->op != NET_DEPTHWISE && n->op != NET_AFFINE &&
        n->op != NET_FC)
        return ERR_OK;
    if (n->in[0] < 0 || n->in[0] >= i)
        return err_set(e, ERR_FORMAT, "%s: node %d of xlens.graph reads a later one",
                       bag->path, i);
    if (native_is_int8(bag, n))
        return native_take_int8(bag, net, i, e);
    int ndim = native_weight_shape(net, i, shape);
    if (is_bf16(bag, n))
        return widen(bag, n, ndim, shape, e);
    n->borrowed = true;
    enum err_code rc = borrow(bag, n->name, "weight", ndim, shape, &n->weight, e);
    return rc == ERR_OK ? borrow(bag, n->name, "bias", 1, &channels, &n->bias, e) : rc;
}

static void copy_meta(const struct bag *bag, const char *key, char *out, size_t size)
{
    const char *value = bag_meta(bag, key);
    (void)snprintf(out, size, "%s", value ? value : "");
}

static enum err_code read_meta(const struct bag *bag, struct net *net, struct err *e)
{
    const char *crop = bag_meta(bag, "xlens.crop_pct");
    const char *precision = bag_meta(bag, "xlens.precision");
    const char *calibration = bag_meta(bag, "xlens.calibration");
    copy_meta(bag, "xlens.arch", net->arch, sizeof net->arch);
    copy_meta(bag, "xlens.publisher", net->publisher, sizeof net->publisher);
    (void)snprintf(net->format, sizeof net->format, "native");
    if (crop && (!str_to_double(crop, &net->crop_pct) || !(net->crop_pct > 0) ||
                 net->crop_pct > 1))
        return err_set(e, ERR_FORMAT, "%s: xlens.crop_pct is not from 0 to 1", bag->path);
    if (calibration)
        net->calibration = mem_dup(calibration);
    int found = precision ? eng_precision_find(precision) : ENG_FLOAT32;
    if (found < 0)
        return err_set(e, ERR_UNSUPPORTED,
                       "%s: xlens.precision \"%.20s\", expected float32, bf16 or int8",
                       bag->path, precision);
    net->precision = (enum eng_precision)found;
    bool quant = false;
    for (int i = 0; i < net->count; i++)
        quant = quant || net->nodes[i].quant;
    if (quant != (net->precision == ENG_INT8))
        return err_set(e, ERR_FORMAT,
                       "%s: xlens.precision is %s, but %s weights are int8", bag->path,
                       eng_precision_name(net->precision), quant ? "some" : "no");
    return meta_apply(bag, net, e);
}

static enum err_code check_version(const struct bag *bag, struct err *e)
{
    const char *format = bag_meta(bag, "xlens.format");
    if (format && strcmp(format, "1") == 0)
        return ERR_OK;
    return err_set(e, ERR_UNSUPPORTED, "%s: native format %.20s, expected 1", bag->path,
                   format ? format : "unknown");
}

static enum err_code refuse_node(const struct bag *bag, const cJSON *row, int at,
                                 struct err *e)
{
    const char *op = cJSON_GetStringValue(item(row, "op"));
    if (op && find_op(op) == NET_OP_COUNT)
        return err_set(e, ERR_UNSUPPORTED,
                       "%s: node %d of xlens.graph: the op %.40s is not known", bag->path,
                       at, op);
    return err_set(e, ERR_FORMAT, "%s: node %d of xlens.graph is damaged", bag->path, at);
}

enum err_code native_build(struct bag *bag, struct net *out, struct err *e)
{
    const cJSON *row;
    int at = 0;
    cJSON *graph = cJSON_Parse(bag_meta(bag, "xlens.graph"));
    enum err_code rc;
    TRY(check_version(bag, e));
    if (!cJSON_IsArray(graph) || cJSON_GetArraySize(graph) > MAX_NODES)
        TRY(err_set(e, ERR_FORMAT, "%s: xlens.graph is not a list of up to %d nodes",
                    bag->path, MAX_NODES));
    cJSON_ArrayForEach(row, graph)
    {
        if (!read_node(row, out))
            TRY(refuse_node(bag, row, at, e));
        TRY(take_weights(bag, out, at++, e));
    }
    TRY(bag_all_used(bag, NULL, e));
    rc = read_meta(bag, out, e);
out:
    cJSON_Delete(graph);
    out->mapping = bag->file;
    bag->file = (struct file_bytes){0};
    return rc;
}

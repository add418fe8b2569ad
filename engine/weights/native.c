#include "engine/weights/native.h"

#include "engine/weights/meta.h"
#include "engine/weights/weights.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <cjson/cJSON.h>
#include <errno.h>
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

// Shape of a node's weight as the file tells it.
static int weight_shape(const struct net *net, int i, size_t shape[4])
{
    const struct net_node *n = &net->nodes[i];
    size_t out = (size_t)n->channels, in = (size_t)net_in_channels(net, i);
    size_t h = (size_t)n->kernel_h, w = (size_t)n->kernel_w;
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

// Points a node at a tensor; NULL when a bias is not there.
static enum err_code borrow(struct bag *bag, const char *node, const char *what, int ndim,
                            const size_t *shape, float **out, struct err *e)
{
    char *name = mem_printf("%s.%s", node, what);
    const struct bag_tensor *t = bag_find(bag, name);
    enum err_code rc = ERR_OK;
    if (t && (t->dtype != BAG_F32 || t->ndim != ndim ||
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

static enum err_code borrow_weights(struct bag *bag, struct net *net, int i,
                                    struct err *e)
{
    struct net_node *n = &net->nodes[i];
    size_t shape[4], channels = (size_t)n->channels;
    if (n->op != NET_CONV && n->op != NET_DEPTHWISE && n->op != NET_AFFINE &&
        n->op != NET_FC)
        return ERR_OK;
    if (n->in[0] < 0 || n->in[0] >= i)
        return err_set(e, ERR_FORMAT, "%s: node %d of xlens.graph reads a later one",
                       bag->path, i);
    int ndim = weight_shape(net, i, shape);
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
    copy_meta(bag, "xlens.arch", net->arch, sizeof net->arch);
    copy_meta(bag, "xlens.publisher", net->publisher, sizeof net->publisher);
    (void)snprintf(net->format, sizeof net->format, "native");
    if (crop && (!str_to_double(crop, &net->crop_pct) || !(net->crop_pct > 0) ||
                 net->crop_pct > 1))
        return err_set(e, ERR_FORMAT, "%s: xlens.crop_pct is not from 0 to 1", bag->path);
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
            TRY(err_set(e, ERR_FORMAT, "%s: node %d of xlens.graph is damaged", bag->path,
                        at));
        TRY(borrow_weights(bag, out, at++, e));
    }
    TRY(bag_all_used(bag, NULL, e));
    rc = read_meta(bag, out, e);
out:
    cJSON_Delete(graph);
    out->mapping = bag->file;
    bag->file = (struct file_bytes){0};
    return rc;
}

// ---- writing ----

static void add_list(cJSON *row, const char *key, const int *values, int n)
{
    cJSON_AddItemToObject(row, key, cJSON_CreateIntArray(values, n));
}

static cJSON *node_row(const struct net_node *n)
{
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "name", n->name);
    cJSON_AddStringToObject(row, "op", ops[n->op]);
    if (n->in[0] >= 0)
        add_list(row, "in", n->in, n->in[1] >= 0 ? 2 : 1);
    cJSON_AddNumberToObject(row, "channels", n->channels);
    if (n->kernel_h) {
        add_list(row, "kernel", (int[]){n->kernel_h, n->kernel_w}, 2);
        cJSON_AddNumberToObject(row, "stride", n->stride);
        cJSON_AddNumberToObject(row, "dilation", n->dilation);
        if (n->padding == NET_PAD_SAME)
            cJSON_AddStringToObject(row, "pad", "same");
        else
            add_list(row, "pad",
                     (int[]){n->pad_top, n->pad_left, n->pad_bottom, n->pad_right}, 4);
    }
    if (n->op == NET_SCALE)
        cJSON_AddNumberToObject(row, "scale", (double)n->scale);
    if (n->params)
        cJSON_AddNumberToObject(row, "params", (double)n->params);
    if (n->params_stats)
        cJSON_AddNumberToObject(row, "stats", (double)n->params_stats);
    return row;
}

static char *graph_text(const struct net *net)
{
    cJSON *graph = cJSON_CreateArray();
    for (int i = 0; i < net->count; i++)
        cJSON_AddItemToArray(graph, node_row(&net->nodes[i]));
    char *text = cJSON_PrintUnformatted(graph);
    cJSON_Delete(graph);
    return text;
}

static void add_meta(cJSON *meta, const char *key, const char *value)
{
    if (value && value[0])
        cJSON_AddStringToObject(meta, key, value);
}

static cJSON *metadata(const struct net *net, const char *source_hash)
{
    cJSON *meta = cJSON_CreateObject();
    uint64_t params = 0, stats = 0;
    char number[48], *graph = graph_text(net);
    for (int i = 0; i < net->count; i++) {
        params += net->nodes[i].params;
        stats += net->nodes[i].params_stats;
    }
    add_meta(meta, "xlens.arch", net->arch);
    (void)snprintf(number, sizeof number, "%.9g", net->crop_pct);
    add_meta(meta, "xlens.crop_pct", net->crop_pct > 0 ? number : NULL);
    add_meta(meta, "xlens.format", "1");
    add_meta(meta, "xlens.graph", graph);
    (void)snprintf(number, sizeof number, "3,%d,%d", net->height, net->width);
    add_meta(meta, "xlens.input", net->height > 0 && net->width > 0 ? number : NULL);
    add_meta(meta, "xlens.labels", net->labels);
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)params);
    add_meta(meta, "xlens.params", number);
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)stats);
    add_meta(meta, "xlens.params_stats", number);
    add_meta(meta, "xlens.precision", "float32");
    add_meta(meta, "xlens.preprocess", net->preset);
    add_meta(meta, "xlens.publisher", net->publisher);
    add_meta(meta, "xlens.source_hash", source_hash);
    cJSON_free(graph);
    return meta;
}

static void add_tensor(cJSON *header, const char *node, const char *what, int ndim,
                       const size_t *shape, uint64_t *at)
{
    char *name = mem_printf("%s.%s", node, what);
    cJSON *entry = cJSON_AddObjectToObject(header, name);
    cJSON_AddStringToObject(entry, "dtype", "F32");
    cJSON *extents = cJSON_AddArrayToObject(entry, "shape");
    uint64_t end = sizeof(float);
    for (int i = 0; i < ndim; i++) {
        cJSON_AddItemToArray(extents, cJSON_CreateNumber((double)shape[i]));
        end *= shape[i];
    }
    end += *at;
    cJSON *offsets = cJSON_AddArrayToObject(entry, "data_offsets");
    cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)*at));
    cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)end));
    *at = end;
    free(name);
}

// The header, padded so that weights begin at a cache line.
static void header_text(const struct net *net, const char *source_hash, struct str *out)
{
    cJSON *header = cJSON_CreateObject();
    uint64_t at = 0;
    cJSON_AddItemToObject(header, "__metadata__", metadata(net, source_hash));
    for (int i = 0; i < net->count; i++) {
        const struct net_node *n = &net->nodes[i];
        size_t shape[4], channels = (size_t)n->channels;
        if (n->weight)
            add_tensor(header, n->name, "weight", weight_shape(net, i, shape), shape,
                       &at);
        if (n->bias)
            add_tensor(header, n->name, "bias", 1, &channels, &at);
    }
    char *text = cJSON_PrintUnformatted(header);
    cJSON_Delete(header);
    str_add(out, text ? text : "");
    cJSON_free(text);
    while ((8 + out->len) % 64)
        str_add_char(out, ' ');
}

static bool write_floats(FILE *f, const float *x, size_t n)
{
    return !x || fwrite(x, sizeof *x, n, f) == n;
}

static bool write_all(const struct net *net, const struct str *header, FILE *f)
{
    uint8_t length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)header->len >> 8 * i);
    bool good = fwrite(length, 1, sizeof length, f) == sizeof length &&
                fwrite(header->data, 1, header->len, f) == header->len;
    for (int i = 0; i < net->count && good; i++) {
        const struct net_node *n = &net->nodes[i];
        good = write_floats(f, n->weight, net_weight_count(net, i)) &&
               write_floats(f, n->bias, (size_t)n->channels);
    }
    return good;
}

// Tensors are named after their nodes.
static enum err_code check_names(const struct net *net, const char *path, struct err *e)
{
    for (int i = 0; i < net->count; i++)
        for (int j = 0; j < i; j++)
            if (net->nodes[i].weight && net->nodes[j].weight &&
                strcmp(net->nodes[i].name, net->nodes[j].name) == 0)
                return err_set(e, ERR_FORMAT, "%s: two layers are named %.200s", path,
                               net->nodes[i].name);
    return ERR_OK;
}

enum err_code weights_native_write(const struct net *net, const char *source_hash,
                                   const char *path, bool force, struct err *e)
{
    struct file_out out = {0};
    struct str header = {0};
    enum err_code rc;
    TRY(check_names(net, path, e));
    TRY(file_out_open(&out, path, force, e));
    header_text(net, source_hash, &header);
    if (!write_all(net, &header, out.stream))
        TRY(err_set_errno(e, errno, path, "cannot write"));
    rc = file_out_commit(&out, e);
out:
    file_out_discard(&out);
    str_release(&header);
    return rc;
}

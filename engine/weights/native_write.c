// Writing the native format. See xlens-model(5).

#include "engine/model/half.h"
#include "engine/weights/native.h"
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

static void add_list(cJSON *row, const char *key, const int *values, int n)
{
    cJSON_AddItemToObject(row, key, cJSON_CreateIntArray(values, n));
}

static cJSON *node_row(const struct net_node *n)
{
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "name", n->name);
    cJSON_AddStringToObject(row, "op", native_op_name(n->op));
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
    add_meta(meta, "xlens.calibration", net->calibration);
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
    add_meta(meta, "xlens.precision", eng_precision_name(net->precision));
    add_meta(meta, "xlens.preprocess", net->preset);
    add_meta(meta, "xlens.publisher", net->publisher);
    add_meta(meta, "xlens.source_hash", source_hash);
    cJSON_free(graph);
    return meta;
}

// What bf16 arithmetic reads as bf16: pointwise convolutions, nearly all of the work.
static bool is_narrow(const struct net *net, const struct net_node *n)
{
    return net->precision == ENG_BF16 && n->op == NET_CONV && n->kernel_h == 1 &&
           n->kernel_w == 1;
}

// A tensor of the file; data is float32 unless the type is int8.
struct tensor {
    const char *node, *what;
    enum bag_dtype dtype;
    int ndim;
    size_t shape[4], count;
    const void *data;
};

struct tensors {
    struct tensor *all;
    size_t count;
};

enum { TENSORS_A_NODE = 6 };

static void add_tensor(struct tensors *t, const char *node, const char *what,
                       enum bag_dtype dtype, const void *data, int ndim,
                       const size_t *shape)
{
    struct tensor *new = &t->all[t->count++];
    *new = (struct tensor){node, what, dtype, ndim, {0}, 1, data};
    for (int i = 0; i < ndim; i++) {
        new->shape[i] = shape[i];
        new->count *= shape[i];
    }
}

static void add_floats(struct tensors *t, const struct net *net, int i)
{
    const struct net_node *n = &net->nodes[i];
    size_t shape[4], out = (size_t)n->channels;
    int ndim = native_weight_shape(net, i, shape);
    if (n->weight && !is_narrow(net, n))
        add_tensor(t, n->name, "weight", BAG_F32, n->weight, ndim, shape);
    if (n->quant) {
        size_t in = (size_t)net_in_channels(net, i), more = (size_t)n->quant->more;
        add_tensor(t, n->name, "in_scale", BAG_F32, n->quant->in_scale, 1, &in);
        add_tensor(t, n->name, "in_zero", BAG_F32, n->quant->in_zero, 1, &in);
        if (more)
            add_tensor(t, n->name, "in_more", BAG_F32, n->quant->in_more, 1, &more);
        add_tensor(t, n->name, "out_scale", BAG_F32, n->quant->out_scale, 1, &out);
    }
    if (n->bias)
        add_tensor(t, n->name, "bias", BAG_F32, n->bias, 1, &out);
}

// In the order of the file. Floats come first: behind an odd number of narrow ones they
// would not be aligned.
static void list_tensors(const struct net *net, struct tensors *t)
{
    *t = (struct tensors){mem_new((size_t)net->count * TENSORS_A_NODE * sizeof *t->all),
                          0};
    for (int i = 1; i < net->count; i++)
        add_floats(t, net, i);
    for (int i = 1; i < net->count; i++) {
        const struct net_node *n = &net->nodes[i];
        size_t shape[4];
        if (n->quant)
            add_tensor(t, n->name, "weight", BAG_I8, n->quant->weight,
                       native_weight_shape(net, i, shape), shape);
        else if (is_narrow(net, n))
            add_tensor(t, n->name, "weight", BAG_BF16, n->weight,
                       native_weight_shape(net, i, shape), shape);
    }
}

static void describe_tensor(cJSON *header, const struct tensor *t, uint64_t *at)
{
    static const char *const names[BAG_DTYPE_COUNT] = {
        [BAG_F32] = "F32", [BAG_BF16] = "BF16", [BAG_I8] = "I8"};
    char *name = mem_printf("%s.%s", t->node, t->what);
    cJSON *entry = cJSON_AddObjectToObject(header, name);
    cJSON_AddStringToObject(entry, "dtype", names[t->dtype]);
    cJSON *extents = cJSON_AddArrayToObject(entry, "shape");
    for (int i = 0; i < t->ndim; i++)
        cJSON_AddItemToArray(extents, cJSON_CreateNumber((double)t->shape[i]));
    uint64_t end = *at + t->count * bag_dtype_size(t->dtype);
    cJSON *offsets = cJSON_AddArrayToObject(entry, "data_offsets");
    cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)*at));
    cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)end));
    *at = end;
    free(name);
}

// The header, padded so that weights begin at a cache line.
static void header_text(const struct net *net, const struct tensors *tensors,
                        const char *source_hash, struct str *out)
{
    cJSON *header = cJSON_CreateObject();
    uint64_t at = 0;
    cJSON_AddItemToObject(header, "__metadata__", metadata(net, source_hash));
    for (size_t i = 0; i < tensors->count; i++)
        describe_tensor(header, &tensors->all[i], &at);
    char *text = cJSON_PrintUnformatted(header);
    cJSON_Delete(header);
    str_add(out, text ? text : "");
    cJSON_free(text);
    while ((8 + out->len) % 64)
        str_add_char(out, ' ');
}

static bool write_narrow(FILE *f, const float *x, size_t n)
{
    uint16_t part[1024];
    enum { PART = sizeof part / sizeof part[0] };
    for (size_t i = 0, count; i < n; i += count) {
        count = n - i < PART ? n - i : PART;
        for (size_t k = 0; k < count; k++)
            part[k] = bf16_from_float(x[i + k]);
        if (fwrite(part, sizeof part[0], count, f) != count)
            return false;
    }
    return true;
}

static bool write_tensor(FILE *f, const struct tensor *t)
{
    if (t->dtype == BAG_BF16)
        return write_narrow(f, t->data, t->count);
    return fwrite(t->data, bag_dtype_size(t->dtype), t->count, f) == t->count;
}

static bool write_all(const struct tensors *tensors, const struct str *header, FILE *f)
{
    uint8_t length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)header->len >> 8 * i);
    bool good = fwrite(length, 1, sizeof length, f) == sizeof length &&
                fwrite(header->data, 1, header->len, f) == header->len;
    for (size_t i = 0; i < tensors->count && good; i++)
        good = write_tensor(f, &tensors->all[i]);
    return good;
}

static bool has_tensors(const struct net_node *n)
{
    return n->weight || n->quant;
}

// Tensors are named after their nodes.
static enum err_code check_names(const struct net *net, const char *path, struct err *e)
{
    for (int i = 0; i < net->count; i++)
        for (int j = 0; j < i; j++)
            if (has_tensors(&net->nodes[i]) && has_tensors(&net->nodes[j]) &&
                strcmp(net->nodes[i].name, net->nodes[j].name) == 0)
                return err_set(e, ERR_FORMAT, "%s: two layers are named %.200s", path,
                               net->nodes[i].name);
    return ERR_OK;
}

// The largest floats have no bf16 near them.
static enum err_code check_range(const struct net *net, const char *path, struct err *e)
{
    for (int i = 0; i < net->count; i++) {
        const struct net_node *n = &net->nodes[i];
        size_t count = is_narrow(net, n) ? net_weight_count(net, i) : 0;
        for (size_t k = 0; k < count; k++)
            if (isinf(bf16_to_float(bf16_from_float(n->weight[k]))))
                return err_set(e, ERR_FORMAT, "%s: %s: weight %zu, %g, is beyond bf16",
                               path, n->name, k, (double)n->weight[k]);
    }
    return ERR_OK;
}

enum err_code weights_native_write(const struct net *net, const char *source_hash,
                                   const char *path, bool force, struct err *e)
{
    struct file_out out = {0};
    struct str header = {0};
    struct tensors tensors = {0};
    enum err_code rc;
    TRY(check_names(net, path, e));
    TRY(check_range(net, path, e));
    TRY(file_out_open(&out, path, force, e));
    list_tensors(net, &tensors);
    header_text(net, &tensors, source_hash, &header);
    if (!write_all(&tensors, &header, out.stream))
        TRY(err_set_errno(e, errno, path, "cannot write"));
    rc = file_out_commit(&out, e);
out:
    file_out_discard(&out);
    str_release(&header);
    free(tensors.all);
    return rc;
}

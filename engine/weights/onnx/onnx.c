#include "engine/weights/onnx/onnx.h"

#include "engine/model/arch.h"
#include "engine/weights/onnx/budget.h"
#include "engine/weights/onnx/onnx_graph.h"

#include "base/mem.h"

#include <onnx.pb-c.h>
#include <stdio.h>
#include <string.h>

enum { MIN_OPSET = 9, MAX_OPSET = 21, SIZE = 299, MAX_SIZE = 1 << 14 };

// A model is a protobuf message: ir_version, a small number, and then a field of its own.
bool onnx_is(const struct file_bytes *bytes)
{
    static const uint8_t next_tags[] = {0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42};
    return bytes->len > 3 && bytes->data[0] == 0x08 && bytes->data[1] >= 3 &&
           bytes->data[1] < 32 && memchr(next_tags, bytes->data[2], sizeof next_tags);
}

static enum err_code check_opset(struct onnx_build *b, const Onnx__Model *model,
                                 struct err *e)
{
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const char *domain = model->opset_import[i]->domain;
        if (!domain || !*domain || strcmp(domain, "ai.onnx") == 0)
            b->opset = model->opset_import[i]->version;
    }
    if (b->opset < MIN_OPSET || b->opset > MAX_OPSET)
        return err_set(e, ERR_UNSUPPORTED, "%s: ONNX opset %lld, expected %d to %d",
                       b->path, (long long)b->opset, (int)MIN_OPSET, (int)MAX_OPSET);
    return ERR_OK;
}

static enum err_code add_initializers(struct onnx_build *b, const Onnx__Graph *graph,
                                      struct err *e)
{
    for (size_t i = 0; i < graph->n_initializer; i++) {
        const Onnx__Tensor *t = graph->initializer[i];
        enum err_code rc = onnx_tensor_add(b, t, t->name ? t->name : "", e);
        if (rc)
            return rc;
    }
    return ERR_OK;
}

// [n, 3, h, w] or [n, h, w, 3]; an extent that is not known is 0 or negative.
enum err_code onnx_picture_add(struct onnx_build *b, const char *name,
                               const int64_t extents[4], struct err *e)
{
    bool last = extents[1] != 3 && extents[3] == 3;
    if (!last && extents[1] != 3)
        return err_set(e, ERR_FORMAT, "%s: input %.200s has %lld channels, expected 3",
                       b->path, name, (long long)extents[1]);
    int64_t h = extents[last ? 1 : 2], w = extents[last ? 2 : 3];
    b->net->height = h > 0 && h <= MAX_SIZE ? (int)h : SIZE;
    b->net->width = w > 0 && w <= MAX_SIZE ? (int)w : SIZE;
    int node = net_add(b->net, NET_INPUT, name, -1, -1);
    b->net->nodes[node].channels = 3;
    struct onnx_value v = {.kind = last ? ONNX_LAST : ONNX_MAP, .node = node};
    return onnx_value_set(b, name, v, e);
}

static enum err_code add_picture(struct onnx_build *b, const Onnx__ValueInfo *input,
                                 struct err *e)
{
    const Onnx__Shape *shape =
        input->type && input->type->tensor_type ? input->type->tensor_type->shape : NULL;
    int64_t extents[4];
    if (!shape || shape->n_dim != 4)
        return err_set(e, ERR_FORMAT, "%s: input %.200s is no picture of 4 dimensions",
                       b->path, input->name);
    for (int i = 0; i < 4; i++)
        extents[i] = shape->dim[i]->has_dim_value ? shape->dim[i]->dim_value : 0;
    return onnx_picture_add(b, input->name, extents, e);
}

// The picture is the one input that is no initializer.
static enum err_code add_input(struct onnx_build *b, const Onnx__Graph *graph,
                               struct err *e)
{
    const Onnx__ValueInfo *picture = NULL;
    for (size_t i = 0; i < graph->n_input; i++) {
        const Onnx__ValueInfo *input = graph->input[i];
        if (!input->name || onnx_value_find(b, input->name))
            continue; // files before IR 4 list the initializers as well
        if (picture)
            return err_set(e, ERR_UNSUPPORTED,
                           "%s: inputs %.100s and %.100s, expected one picture", b->path,
                           picture->name, input->name);
        picture = input;
    }
    if (!picture)
        return err_set(e, ERR_FORMAT, "%s: the graph has no input", b->path);
    return add_picture(b, picture, e);
}

enum err_code onnx_output_check(const struct onnx_build *b, const char *name,
                                struct err *e)
{
    const struct onnx_value *v = onnx_value_find(b, name);
    if (!v || v->kind != ONNX_VECTOR || v->node != b->net->count - 1)
        return err_set(e, ERR_FORMAT,
                       "%s: output %.200s is not what the last layer gives", b->path,
                       name);
    return ERR_OK;
}

void onnx_build_release(struct onnx_build *b)
{
    onnx_value_release(b);
    onnx_tensor_release(b);
}

static enum err_code build(struct onnx_build *b, const Onnx__Model *model, struct err *e)
{
    const Onnx__Graph *graph = model->graph;
    if (!graph)
        return err_set(e, ERR_FORMAT, "%s: ONNX without a graph", b->path);
    enum err_code rc;
    TRY(check_opset(b, model, e));
    TRY(add_initializers(b, graph, e));
    TRY(add_input(b, graph, e));
    for (size_t i = 0; i < graph->n_node; i++)
        TRY(onnx_node_run(b, graph->node[i], e));
    if (graph->n_output != 1 || !graph->output[0]->name)
        rc = err_set(e, ERR_UNSUPPORTED, "%s: %zu outputs, expected the classes alone",
                     b->path, graph->n_output);
    else
        rc = onnx_output_check(b, graph->output[0]->name, e);
out:
    return rc;
}

enum err_code onnx_open(const struct file_bytes *bytes, const char *path, struct net *out,
                        struct err *e)
{
    struct onnx_build b = {.path = path, .net = out};
    struct budget budget;
    *out = (struct net){0};
    b.bag.path = mem_dup(path);
    budget_init(&budget, bytes->len);
    Onnx__Model *model = onnx__model__unpack(&budget.allocator, bytes->len, bytes->data);
    enum err_code rc =
        model ? build(&b, model, e)
              : err_set(e, ERR_FORMAT,
                        "%s: damaged ONNX: its messages do not fit into its %zu bytes",
                        path, bytes->len);
    onnx_build_release(&b);
    if (model)
        onnx__model__free_unpacked(model, &budget.allocator);
    if (rc) {
        net_release(out);
        return rc;
    }
    arch_recognise(out);
    (void)snprintf(out->format, sizeof out->format, "onnx");
    (void)snprintf(out->preset, sizeof out->preset, "xception");
    return ERR_OK;
}

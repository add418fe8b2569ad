#include "engine/weights/onnx/onnx_graph.h"

#include "base/mem.h"
#include "base/str.h"

#include <onnx.pb-c.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const struct onnx_value *onnx_value_find(const struct onnx_build *b, const char *name)
{
    ptrdiff_t i = lookup_find(&b->names, name);
    return i == LOOKUP_NONE ? NULL : &b->values[i];
}

enum err_code onnx_value_set(struct onnx_build *b, const char *name,
                             struct onnx_value value, struct err *e)
{
    if (lookup_find(&b->names, name) != LOOKUP_NONE)
        return err_set(e, ERR_FORMAT, "%s: the name %.200s is made twice", b->path, name);
    if (!mem_grow(&b->values, &b->cap, b->names.count + 1, sizeof *b->values) ||
        !lookup_add(&b->names, name))
        return err_set(e, ERR_NOMEM, "%s: out of memory", b->path);
    b->values[b->names.count - 1] = value;
    return ERR_OK;
}

void onnx_value_release(struct onnx_build *b)
{
    free(b->values);
    lookup_release(&b->names);
}

static const char *node_name(const struct Onnx__Node *n)
{
    if (n->name && *n->name)
        return n->name;
    return n->n_output && n->output[0] ? n->output[0] : "without a name";
}

enum err_code onnx_refuse(const struct onnx_build *b, const struct Onnx__Node *n,
                          struct err *e, const char *fmt, ...)
{
    char what[300];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return err_set(e, ERR_UNSUPPORTED, "%s: node %.200s (%.60s): %s", b->path,
                   node_name(n), n->op_type ? n->op_type : "no op", what);
}

const struct onnx_value *onnx_in(const struct onnx_build *b, const struct Onnx__Node *n,
                                 size_t k, enum onnx_kind kind)
{
    const struct onnx_value *v = k < n->n_input ? onnx_value_find(b, n->input[k]) : NULL;
    return v && v->kind == kind ? v : NULL;
}

enum err_code onnx_out(struct onnx_build *b, const struct Onnx__Node *n,
                       struct onnx_value value, struct err *e)
{
    if (n->n_output == 0)
        return onnx_refuse(b, n, e, "has no output");
    return onnx_value_set(b, n->output[0], value, e);
}

struct onnx_value onnx_add(struct onnx_build *b, const struct Onnx__Node *n,
                           enum net_op op, const struct onnx_value *in)
{
    struct onnx_value out = *in;
    out.node = net_add(b->net, op, node_name(n), in->node, -1);
    b->net->nodes[out.node].channels = b->net->nodes[in->node].channels;
    return out;
}

#include "tests/support/onnx_edit.h"

#include "engine/weights/onnx/onnx.h"

#include "tests/support/reference.h"

#include "base/mem.h"

#include <onnx.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

NORETURN static void give_up(const char *what, const char *name)
{
    (void)fprintf(stderr, "ONNX to edit: %s %s\n", what, name);
    abort();
}

Onnx__Model *onnx_edit_load(const char *file)
{
    char *path = reference_tiny_path(file);
    struct file_bytes bytes = {0};
    struct err e = {0};
    if (file_read(path, 1 << 20, &bytes, &e))
        give_up("cannot read", e.msg);
    Onnx__Model *m = onnx__model__unpack(NULL, bytes.len, bytes.data);
    if (!m)
        give_up("cannot unpack", file);
    file_bytes_release(&bytes);
    free(path);
    return m;
}

Onnx__Model *onnx_edit_micro(void)
{
    return onnx_edit_load("timm_micro.op13.bn.onnx");
}

struct file_bytes onnx_edit_pack(const Onnx__Model *m)
{
    size_t len = onnx__model__get_packed_size(m);
    uint8_t *data = mem_new(len);
    (void)onnx__model__pack(m, data);
    return (struct file_bytes){.data = data, .len = len};
}

enum err_code onnx_edit_open_take(Onnx__Model *m, const char *path, struct net *net,
                                  struct err *e)
{
    struct file_bytes bytes = onnx_edit_pack(m);
    onnx__model__free_unpacked(m, NULL);
    if (!onnx_is(&bytes))
        give_up("not recognised", path);
    enum err_code rc = onnx_open(&bytes, path, net, e);
    file_bytes_release(&bytes);
    return rc;
}

void onnx_edit_refused(Onnx__Model *m, const char *says)
{
    struct net net = {0};
    struct err e = {0};
    if (onnx_edit_open_take(m, "/nowhere/m.onnx", &net, &e) == ERR_OK || net.count != 0)
        give_up("opened, expected", says);
    if (!strstr(e.msg, says)) {
        (void)fprintf(stderr, "message \"%s\"\n", e.msg);
        give_up("does not say", says);
    }
}

void onnx_edit_text(char **field, const char *text)
{
    free(*field);
    *field = mem_dup(text);
}

Onnx__Node *onnx_edit_op(const Onnx__Model *m, const char *op)
{
    for (size_t i = 0; i < m->graph->n_node; i++)
        if (strcmp(m->graph->node[i]->op_type, op) == 0)
            return m->graph->node[i];
    give_up("no op", op);
}

Onnx__Attribute *onnx_edit_attribute(const Onnx__Node *n, const char *name)
{
    for (size_t i = 0; i < n->n_attribute; i++)
        if (strcmp(n->attribute[i]->name, name) == 0)
            return n->attribute[i];
    give_up("no attribute", name);
}

Onnx__Tensor *onnx_edit_tensor(const Onnx__Model *m, const char *name)
{
    for (size_t i = 0; i < m->graph->n_initializer; i++)
        if (strcmp(m->graph->initializer[i]->name, name) == 0)
            return m->graph->initializer[i];
    give_up("no initializer", name);
}

Onnx__Tensor *onnx_edit_weights(const Onnx__Model *m)
{
    return onnx_edit_tensor(m, onnx_edit_op(m, "Conv")->input[1]);
}

void *onnx_edit_append(void *array, size_t *count, void *item)
{
    void **grown = realloc(array, (*count + 1) * sizeof *grown);
    if (!grown)
        give_up("no memory for", "one more item");
    grown[(*count)++] = item;
    return grown;
}

void onnx_edit_add_input(Onnx__Node *n, const char *name)
{
    n->input = onnx_edit_append(n->input, &n->n_input, mem_dup(name));
}

Onnx__Attribute *onnx_edit_add_attribute(Onnx__Node *n, const char *name)
{
    Onnx__Attribute *a = mem_new(sizeof *a);
    onnx__attribute__init(a);
    a->name = mem_dup(name);
    n->attribute = onnx_edit_append(n->attribute, &n->n_attribute, a);
    return a;
}

void onnx_edit_ints(Onnx__Attribute *a, size_t count, const int64_t *values)
{
    free(a->ints);
    a->n_ints = count;
    a->ints = mem_new(count * sizeof *values);
    memcpy(a->ints, values, count * sizeof *values);
}

void onnx_edit_add_tensor(Onnx__Model *m, const char *name, enum onnx_type type,
                          size_t ndim, const int64_t *dims, const void *data)
{
    Onnx__Graph *g = m->graph;
    Onnx__Tensor *t = mem_new(sizeof *t);
    size_t bytes = type == ONNX_FLOAT ? sizeof(float) : sizeof(int64_t);
    onnx__tensor__init(t);
    t->name = mem_dup(name);
    t->has_data_type = 1;
    t->data_type = (int32_t)type;
    t->n_dims = ndim;
    t->dims = mem_new(ndim * sizeof *t->dims);
    for (size_t i = 0; i < ndim; i++) {
        t->dims[i] = dims[i];
        bytes *= (size_t)dims[i];
    }
    t->has_raw_data = 1;
    t->raw_data.len = bytes;
    t->raw_data.data = mem_new(bytes);
    memcpy(t->raw_data.data, data, bytes);
    g->initializer = onnx_edit_append(g->initializer, &g->n_initializer, t);
}

void onnx_edit_clear_raw(Onnx__Tensor *t)
{
    free(t->raw_data.data);
    t->raw_data.data = NULL;
    t->raw_data.len = 0;
    t->has_raw_data = 0;
}

Onnx__Node *onnx_edit_insert(Onnx__Model *m, size_t at, const char *op, const char *a,
                             const char *b, const char *output)
{
    Onnx__Graph *g = m->graph;
    Onnx__Node *n = mem_new(sizeof *n);
    onnx__node__init(n);
    n->op_type = mem_dup(op);
    onnx_edit_add_input(n, a);
    if (b)
        onnx_edit_add_input(n, b);
    n->output = onnx_edit_append(n->output, &n->n_output, mem_dup(output));
    g->node = onnx_edit_append(g->node, &g->n_node, n);
    memmove(&g->node[at + 1], &g->node[at], (g->n_node - 1 - at) * sizeof(void *));
    g->node[at] = n;
    return n;
}

size_t onnx_edit_place(const Onnx__Model *m, const Onnx__Node *n)
{
    size_t i = 0;
    while (m->graph->node[i] != n)
        i++;
    return i;
}

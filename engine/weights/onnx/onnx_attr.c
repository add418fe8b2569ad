#include "engine/weights/onnx/onnx_graph.h"

#include <onnx.pb-c.h>
#include <string.h>

static const Onnx__Attribute *find(const Onnx__Node *n, const char *name)
{
    for (size_t i = 0; i < n->n_attribute; i++)
        if (n->attribute[i]->name && strcmp(n->attribute[i]->name, name) == 0)
            return n->attribute[i];
    return NULL;
}

int64_t onnx_attr_int(const struct Onnx__Node *n, const char *name, int64_t fallback)
{
    const Onnx__Attribute *a = find(n, name);
    return a && a->has_i ? a->i : fallback;
}

double onnx_attr_float(const struct Onnx__Node *n, const char *name, double fallback)
{
    const Onnx__Attribute *a = find(n, name);
    return a && a->has_f ? (double)a->f : fallback;
}

int onnx_attr_ints(const struct Onnx__Node *n, const char *name, int max, int64_t *out)
{
    const Onnx__Attribute *a = find(n, name);
    size_t count = a ? a->n_ints : 0;
    if (count > (size_t)max)
        count = (size_t)max;
    for (size_t i = 0; i < count; i++)
        out[i] = a->ints[i];
    return (int)count;
}

bool onnx_attr_is(const struct Onnx__Node *n, const char *name, const char *text,
                  bool absent)
{
    const Onnx__Attribute *a = find(n, name);
    if (!a || !a->has_s)
        return absent;
    return a->s.len == strlen(text) && memcmp(a->s.data, text, a->s.len) == 0;
}

const struct Onnx__Tensor *onnx_attr_tensor(const struct Onnx__Node *n, const char *name)
{
    const Onnx__Attribute *a = find(n, name);
    return a ? a->t : NULL;
}

int onnx_attr_axes(const struct onnx_build *b, const struct Onnx__Node *n, int rank,
                   int max, int64_t *out)
{
    int count = onnx_attr_ints(n, "axes", max, out);
    if (count == 0 && n->n_input > 1) {
        const struct onnx_value *v = onnx_in(b, n, 1, ONNX_CONST);
        count = v ? onnx_tensor_ints(onnx_tensor_of(b, v), max, out) : -1;
    }
    for (int i = 0; i < count; i++) {
        if (out[i] < 0)
            out[i] += rank;
        if (out[i] < 0 || out[i] >= rank)
            return -1;
    }
    return count;
}

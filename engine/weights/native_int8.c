// int8 weights in the native format. See xlens-model(5).

#include "engine/weights/native.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

// Of a layer, behind those of its channels: more than any has of these.
enum { MORE_MOST = 1 << 16 };

bool native_is_int8(const struct bag *bag, const struct net_node *n)
{
    char *name = mem_printf("%s.weight", n->name);
    const struct bag_tensor *t = bag_find(bag, name);
    free(name);
    return t && t->dtype == BAG_I8;
}

static enum err_code take_floats(struct bag *bag, const struct net_node *n,
                                 const char *what, size_t count, float **out,
                                 struct err *e)
{
    char *name = mem_printf("%s.%s", n->name, what);
    enum err_code rc = bag_floats(bag, name, 1, &count, out, e);
    free(name);
    return rc;
}

// They stay where they lie.
static enum err_code borrow_weight(struct bag *bag, const struct net *net, int i,
                                   struct err *e)
{
    size_t shape[4];
    int ndim = native_weight_shape(net, i, shape);
    char *name = mem_printf("%s.weight", net->nodes[i].name);
    const struct bag_tensor *t = bag_find(bag, name);
    enum err_code rc = ERR_OK;
    if (t->ndim != ndim || memcmp(t->shape, shape, (size_t)ndim * sizeof *shape) != 0)
        rc = err_set(e, ERR_FORMAT, "%s: tensor %.200s has not the shape of its node",
                     bag->path, name);
    else {
        struct net_quant *q = net->nodes[i].quant;
        q->weight = (int8_t *)(uintptr_t)t->data;
        q->borrowed = true;
        bag->tensors[t - bag->tensors].used = true;
    }
    free(name);
    return rc;
}

// Present where channels have more than one row. How many there are is checked with the
// weights' shape.
static enum err_code take_more(struct bag *bag, const struct net_node *n, struct err *e)
{
    char *name = mem_printf("%s.in_more", n->name);
    const struct bag_tensor *t = bag_find(bag, name);
    free(name);
    if (!t)
        return ERR_OK;
    size_t count = t->ndim == 1 && t->shape[0] <= MORE_MOST ? t->shape[0] : 0;
    n->quant->more = (int)count;
    return take_floats(bag, n, "in_more", count, &n->quant->in_more, e);
}

enum err_code native_take_int8(struct bag *bag, struct net *net, int i, struct err *e)
{
    enum err_code rc;
    struct net_node *n = &net->nodes[i];
    size_t in = (size_t)net_in_channels(net, i), out = (size_t)n->channels;
    struct net_quant *q = n->quant = mem_new(sizeof *q);
    TRY(take_more(bag, n, e));
    TRY(borrow_weight(bag, net, i, e));
    TRY(take_floats(bag, n, "in_scale", in, &q->in_scale, e));
    TRY(take_floats(bag, n, "in_zero", in, &q->in_zero, e));
    TRY(take_floats(bag, n, "out_scale", out, &q->out_scale, e));
    TRY(take_floats(bag, n, "bias", out, &n->bias, e));
out:
    return rc;
}

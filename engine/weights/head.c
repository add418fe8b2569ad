#include "engine/weights/head.h"

#include "engine/model/layout.h"
#include "engine/weights/meta.h"
#include "engine/weights/safetensors.h"

#include <stdlib.h>

bool head_is_there(const struct net *net)
{
    for (int i = 0; i < net->count; i++)
        if (net->nodes[i].op == NET_FC)
            return true;
    return false;
}

static int find_pooling(struct net *net)
{
    int last = net->count - 1;
    for (int i = last; i > 0; i--)
        if (net->nodes[i].op == NET_GAP)
            return i;
    int pooling = net_add(net, NET_GAP, "global_pool", last, -1);
    net->nodes[pooling].channels = net->nodes[last].channels;
    return pooling;
}

// Reads the two tensors and gives the weight in the net's layout.
static enum err_code read_head(struct bag *bag, int features, size_t *classes,
                               float **weight, float **bias, struct err *e)
{
    size_t shape[2] = {0, 0};
    float *rows = NULL;
    enum err_code rc = bag_floats(bag, "fc.weight", 2, shape, &rows, e);
    if (rc != ERR_OK)
        return rc;
    if (shape[1] != (size_t)features)
        rc = err_set(e, ERR_FORMAT, "%s: a head for %zu features, the model gives %d",
                     bag->path, shape[1], features);
    else if (shape[0] == 0 || shape[0] > 1 << 16)
        rc = err_set(e, ERR_FORMAT, "%s: %zu classes, expected 1 to %d", bag->path,
                     shape[0], 1 << 16);
    else
        rc = bag_floats(bag, "fc.bias", 1, &shape[0], bias, e);
    if (rc == ERR_OK && !(*weight = layout_hwio(rows, shape[0], shape[1], 1)))
        rc = err_set(e, ERR_NOMEM, "%s: no memory for %zu classes", bag->path, shape[0]);
    free(rows);
    *classes = shape[0];
    return rc;
}

// Cuts what follows the pooling and puts the new classifier there.
static void replace(struct net *net, int pooling, size_t classes, float *weight,
                    float *bias)
{
    net_cut(net, pooling + 1);
    int i = net_add(net, NET_FC, "fc", pooling, -1);
    struct net_node *fc = &net->nodes[i];
    fc->channels = (int)classes;
    fc->weight = weight;
    fc->bias = bias;
    fc->params = (uint64_t)classes * ((uint64_t)net->nodes[pooling].channels + 1);
}

enum err_code head_apply(const char *path, struct net *net, struct err *e)
{
    struct bag bag = {0};
    struct file_bytes bytes = {0};
    float *weight = NULL, *bias = NULL;
    size_t classes;
    int pooling = find_pooling(net);
    enum err_code rc;
    TRY(file_map(path, &bytes, e));
    if (!safetensors_is(&bytes))
        TRY(err_set(e, ERR_FORMAT,
                    "%s: not a head, expected safetensors with fc.weight and fc.bias",
                    path));
    TRY(safetensors_read(&bytes, path, &bag, e));
    TRY(read_head(&bag, net->nodes[pooling].channels, &classes, &weight, &bias, e));
    free(net->labels); // they were the old classifier's
    net->labels = NULL;
    TRY(meta_apply(&bag, net, e));
    replace(net, pooling, classes, weight, bias);
    weight = bias = NULL;
out:
    free(weight);
    free(bias);
    if (bytes.data)
        file_bytes_release(&bytes);
    bag_release(&bag);
    return rc;
}

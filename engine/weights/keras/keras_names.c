// Weights without a configuration: the layers of keras.applications.Xception are told by
// their names and order, and its architecture is built from them. Dense layers beyond the
// first get a ReLU in front, as heads that people train have.

#include "engine/weights/keras/keras.h"

#include "engine/model/arch.h"
#include "engine/weights/bag.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DENSE = 8, MAX_LAYERS = 4096, NAME_MAX_LEN = 160 };

struct tensor {
    int ndim;
    size_t shape[H5_MAX_DIMS];
    float *data;
};

struct dense {
    struct tensor kernel, bias;
};

// A layer of a legacy file and what the architecture calls it; dense ≥ 0 for those.
struct layer {
    char *name;
    char known_as[NAME_MAX_LEN];
    int dense;
};

struct names {
    const struct h5_file *h5;
    const char *path;
    struct bag bag;
    struct dense dense[MAX_DENSE];
    int dense_count;
    struct layer *layers;
    size_t layer_count, layer_cap;
    int convs, norms; // shortcuts so far
    struct err *e;
};

static void names_release(struct names *n)
{
    bag_release(&n->bag);
    for (int i = 0; i < n->dense_count; i++) {
        free(n->dense[i].kernel.data);
        free(n->dense[i].bias.data);
    }
    for (size_t i = 0; i < n->layer_count; i++)
        free(n->layers[i].name);
    free(n->layers);
}

static enum err_code read_tensor(const struct names *n, const char *array,
                                 struct tensor *t)
{
    return h5_floats(n->h5, array, &t->ndim, t->shape, &t->data, n->e);
}

// "conv2d", "conv2d_1", … as Keras counts.
static void numbered(char *out, const char *name, int k)
{
    if (k)
        (void)snprintf(out, NAME_MAX_LEN, "%s_%d", name, k);
    else
        (void)snprintf(out, NAME_MAX_LEN, "%s", name);
}

// Puts a tensor, which it takes, into the bag under "LAYER/VAR".
static enum err_code take_tensor(struct names *n, struct tensor *t, const char *layer,
                                 const char *var)
{
    struct bag_tensor b = {.dtype = BAG_F32, .ndim = t->ndim, .data = t->data};
    char *name = mem_printf("%s/%s", layer, var);
    memcpy(b.shape, t->shape, sizeof b.shape);
    b.bytes = sizeof *t->data;
    for (int i = 0; i < t->ndim; i++)
        b.bytes *= t->shape[i];
    b.name = name;
    bag_take_block(&n->bag, t->data);
    t->data = NULL;
    enum err_code rc = bag_add(&n->bag, &b, n->e);
    free(name);
    return rc;
}

static enum err_code add_dense(struct names *n, int *index)
{
    if (n->dense_count == MAX_DENSE)
        return err_set(n->e, ERR_LIMIT, "%s: more than %d dense layers", n->path,
                       MAX_DENSE);
    *index = n->dense_count++;
    return ERR_OK;
}

// ---- legacy files: a list of layers, each with a list of weights ----

// Splits "xception/conv2d_17/kernel:0" into layer and variable; where no layer is told it
// is the group's.
static void split(const char *group, const char *weight, char *layer, char *var)
{
    int end = (int)strcspn(weight, ":"), at = end;
    while (at > 0 && weight[at - 1] != '/')
        at--;
    (void)snprintf(var, NAME_MAX_LEN, "%.*s", end - at, weight + at);
    int stop = at ? at - 1 : 0, start = stop;
    while (start > 0 && weight[start - 1] != '/')
        start--;
    if (stop > start)
        (void)snprintf(layer, NAME_MAX_LEN, "%.*s", stop - start, weight + start);
    else
        (void)snprintf(layer, NAME_MAX_LEN, "%s", group);
}

// Layers of blocks keep their names; shortcuts are counted, for their numbers depend on
// what else the session that wrote the file had made.
static enum err_code find_layer(struct names *n, const char *name, const char *var,
                                int ndim, size_t *out)
{
    for (*out = 0; *out < n->layer_count; ++*out)
        if (strcmp(n->layers[*out].name, name) == 0)
            return ERR_OK;
    if (n->layer_count == MAX_LAYERS ||
        !mem_grow(&n->layers, &n->layer_cap, n->layer_count + 1, sizeof *n->layers))
        return err_set(n->e, ERR_LIMIT, "%s: more than %d layers", n->path, MAX_LAYERS);
    struct layer *l = &n->layers[n->layer_count++];
    *l = (struct layer){.name = mem_dup(name), .dense = -1};
    bool kernel = strcmp(var, "kernel") == 0;
    if (kernel && ndim == 2)
        return add_dense(n, &l->dense);
    if (str_starts_with(name, "block"))
        numbered(l->known_as, name, 0);
    else if (kernel)
        numbered(l->known_as, "conv2d", n->convs++);
    else
        numbered(l->known_as, "batch_normalization", n->norms++);
    return ERR_OK;
}

static enum err_code put_listed(struct names *n, const char *group, const char *weight)
{
    char name[NAME_MAX_LEN], var[NAME_MAX_LEN];
    char *array = mem_printf("%s/%s", group, weight);
    struct tensor t = {0};
    size_t at = 0;
    enum err_code rc;
    split(group, weight, name, var);
    TRY(read_tensor(n, array, &t));
    TRY(find_layer(n, name, var, t.ndim, &at));
    const struct layer *layer = &n->layers[at];
    if (layer->dense < 0) {
        TRY(take_tensor(n, &t, layer->known_as, var));
    } else {
        struct dense *d = &n->dense[layer->dense];
        struct tensor *place = strcmp(var, "bias") == 0 ? &d->bias : &d->kernel;
        if (place->data)
            TRY(err_set(n->e, ERR_FORMAT, "%s: %s appears twice", n->path, array));
        *place = t;
        t.data = NULL;
    }
out:
    free(t.data);
    free(array);
    return rc;
}

static enum err_code put_legacy(struct names *n)
{
    struct h5_texts layers = {0}, weights = {0};
    enum err_code rc;
    TRY(h5_attr_texts(n->h5, "", "layer_names", &layers, n->e));
    for (size_t i = 0; i < layers.count; i++) {
        const char *group = layers.text[i];
        h5_texts_release(&weights);
        TRY(h5_attr_texts(n->h5, group, "weight_names", &weights, n->e));
        for (size_t k = 0; k < weights.count; k++)
            TRY(put_listed(n, group, weights.text[k]));
    }
out:
    h5_texts_release(&weights);
    h5_texts_release(&layers);
    return rc;
}

// ---- v3 files: layers are counted by class, in the order of the network ----

static bool has_layer(const struct names *n, const char *base, const char *class_name,
                      int k)
{
    char name[NAME_MAX_LEN];
    numbered(name, class_name, k);
    char *group = mem_printf("%s/%s/vars/0", base, name);
    bool has = h5_has(n->h5, group);
    free(group);
    return has;
}

enum { ENTRY_BLOCKS = 3, PER_MIDDLE = 3 };

// Separable k of a network with `middle` middle blocks: two in each entry block from
// block2 on, three in each middle block, two in the last two.
static void separable_name(int k, int middle, char *out)
{
    int block, i;
    if (k < 2 * ENTRY_BLOCKS) {
        block = 2 + k / 2;
        i = k % 2;
    } else if (k < 2 * ENTRY_BLOCKS + PER_MIDDLE * middle) {
        block = 2 + ENTRY_BLOCKS + (k - 2 * ENTRY_BLOCKS) / PER_MIDDLE;
        i = (k - 2 * ENTRY_BLOCKS) % PER_MIDDLE;
    } else {
        int rest = k - 2 * ENTRY_BLOCKS - PER_MIDDLE * middle;
        // The blocks of the exit keep their numbers however deep the middle is.
        block = 13 + rest / 2;
        i = rest % 2;
    }
    (void)snprintf(out, NAME_MAX_LEN, "block%d_sepconv%d", block, i + 1);
}

// Batch norm k: those of the stem, then of the separables in order, with the shortcut's
// behind each block that has one.
static void norm_name(int k, int middle, char *out)
{
    int separable = 0, shortcut = 0;
    for (int at = 2; at <= k; at++) {
        bool behind_entry = separable > 0 && separable % 2 == 0 &&
                            separable <= 2 * ENTRY_BLOCKS && shortcut < separable / 2;
        bool behind_exit = separable == 2 * ENTRY_BLOCKS + PER_MIDDLE * middle + 2 &&
                           shortcut == ENTRY_BLOCKS;
        if (behind_entry || behind_exit)
            numbered(out, "batch_normalization", shortcut++);
        else
            separable_name(separable++, middle, out);
    }
    if (k < 2)
        (void)snprintf(out, NAME_MAX_LEN, "block1_conv%d", k + 1);
    if (!str_starts_with(out, "batch"))
        (void)strncat(out, "_bn", NAME_MAX_LEN - strlen(out) - 1);
}

static void conv_name(int k, int middle, char *out)
{
    (void)middle;
    if (k < 2)
        (void)snprintf(out, NAME_MAX_LEN, "block1_conv%d", k + 1);
    else
        numbered(out, "conv2d", k - 2);
}

// The classes of layers with weights, what each is called and what its variables are.
static const struct v3_class {
    const char *name;
    void (*known_as)(int k, int middle, char *out);
    const char *vars[4];
} v3_classes[] = {
    {"conv2d", conv_name, {"kernel"}},
    {"separable_conv2d", separable_name, {"depthwise_kernel", "pointwise_kernel"}},
    {"batch_normalization",
     norm_name,
     {"gamma", "beta", "moving_mean", "moving_variance"}},
};

static enum err_code put_layer(struct names *n, const char *base,
                               const struct v3_class *class, int k, int middle)
{
    char name[NAME_MAX_LEN], known_as[NAME_MAX_LEN] = "";
    enum err_code rc = ERR_OK;
    numbered(name, class->name, k);
    class->known_as(k, middle, known_as);
    for (int i = 0; i < 4 && class->vars[i] && rc == ERR_OK; i++) {
        struct tensor t = {0};
        char *array = mem_printf("%s/%s/vars/%d", base, name, i);
        rc = read_tensor(n, array, &t);
        if (rc == ERR_OK)
            rc = take_tensor(n, &t, known_as, class->vars[i]);
        free(array);
    }
    return rc;
}

static enum err_code put_dense(struct names *n, const char *base)
{
    enum err_code rc = ERR_OK;
    for (int k = 0; rc == ERR_OK && has_layer(n, base, "dense", k); k++) {
        char name[NAME_MAX_LEN];
        int i = 0;
        rc = add_dense(n, &i);
        if (rc != ERR_OK)
            break;
        numbered(name, "dense", k);
        char *kernel = mem_printf("%s/%s/vars/0", base, name);
        char *bias = mem_printf("%s/%s/vars/1", base, name);
        rc = read_tensor(n, kernel, &n->dense[i].kernel);
        if (rc == ERR_OK && h5_has(n->h5, bias))
            rc = read_tensor(n, bias, &n->dense[i].bias);
        free(kernel);
        free(bias);
    }
    return rc;
}

// The group that holds the separable convolutions: that of the model or of one inside.
static enum err_code find_base(const struct names *n, char **out)
{
    struct h5_texts inner = {0};
    *out = NULL;
    if (has_layer(n, "layers", "separable_conv2d", 0))
        *out = mem_dup("layers");
    enum err_code rc = *out ? ERR_OK : h5_children(n->h5, "layers", &inner, n->e);
    for (size_t i = 0; i < inner.count && !*out; i++) {
        char *base = mem_printf("layers/%s/layers", inner.text[i]);
        if (has_layer(n, base, "separable_conv2d", 0))
            *out = base;
        else
            free(base);
    }
    h5_texts_release(&inner);
    if (rc == ERR_OK && !*out)
        rc = err_set(n->e, ERR_FORMAT,
                     "%s: not an Xception: no separable convolutions in its layers",
                     n->path);
    return rc;
}

// How deep the middle flow is, by the number of separable convolutions.
static enum err_code count_middle(const struct names *n, const char *base, int *middle)
{
    const int fixed = 2 * ENTRY_BLOCKS + 4;
    int separables = 0;
    while (separables < MAX_LAYERS && has_layer(n, base, "separable_conv2d", separables))
        separables++;
    *middle = (separables - fixed) / PER_MIDDLE;
    if (separables >= fixed && separables == fixed + PER_MIDDLE * *middle)
        return ERR_OK;
    return err_set(n->e, ERR_FORMAT,
                   "%s: not an Xception: %d separable convolutions, expected %d and 3 "
                   "for each middle block",
                   n->path, separables, fixed);
}

static enum err_code put_v3(struct names *n)
{
    char *base = NULL;
    int middle = 0;
    enum err_code rc = find_base(n, &base);
    if (rc != ERR_OK || !base)
        return rc;
    TRY(count_middle(n, base, &middle));
    for (size_t c = 0; c < sizeof v3_classes / sizeof v3_classes[0]; c++)
        for (int k = 0; k < MAX_LAYERS && has_layer(n, base, v3_classes[c].name, k); k++)
            TRY(put_layer(n, base, &v3_classes[c], k, middle));
    TRY(put_dense(n, base));
    rc = strcmp(base, "layers") != 0 ? put_dense(n, "layers") : ERR_OK;
out:
    free(base);
    return rc;
}

// ---- the net ----

static enum err_code check_dense(const struct names *n)
{
    for (int i = 0; i < n->dense_count; i++) {
        const struct tensor *k = &n->dense[i].kernel, *b = &n->dense[i].bias;
        if (!k->data || k->ndim != 2 || k->shape[0] > 1 << 16 || k->shape[1] > 1 << 16 ||
            (i > 0 && n->dense[i - 1].kernel.shape[1] != k->shape[0]) ||
            (b->data && (b->ndim != 1 || b->shape[0] != k->shape[1])))
            return err_set(n->e, ERR_FORMAT,
                           "%s: dense layer %d does not fit the one in front of it",
                           n->path, i);
    }
    return ERR_OK;
}

// The architecture's classifier is the first dense layer, where there is one.
static enum err_code take_first_dense(struct names *n)
{
    struct dense *d = &n->dense[0];
    if (n->dense_count == 0)
        return ERR_OK;
    if (!d->bias.data) {
        d->bias = (struct tensor){1, {d->kernel.shape[1]}, NULL};
        d->bias.data = mem_array(d->kernel.shape[1], sizeof *d->bias.data);
        if (!d->bias.data)
            return err_set(n->e, ERR_NOMEM, "%s: no memory for a bias", n->path);
    }
    enum err_code rc = take_tensor(n, &d->kernel, "predictions", "kernel");
    return rc == ERR_OK ? take_tensor(n, &d->bias, "predictions", "bias") : rc;
}

static void add_more_dense(struct names *n, struct net *net)
{
    for (int i = 1; i < n->dense_count; i++) {
        char name[NAME_MAX_LEN];
        struct dense *d = &n->dense[i];
        int before = net->count - 1, channels = net->nodes[before].channels;
        numbered(name, "dense_relu", i - 1);
        int relu = net_add(net, NET_RELU, name, before, -1);
        net->nodes[relu].channels = channels;
        numbered(name, "dense", i);
        int dense = net_add(net, NET_FC, name, relu, -1);
        struct net_node *fc = &net->nodes[dense];
        fc->channels = (int)d->kernel.shape[1];
        fc->params = d->kernel.shape[0] * d->kernel.shape[1];
        fc->weight = d->kernel.data;
        fc->bias = d->bias.data;
        if (fc->bias)
            fc->params += d->bias.shape[0];
        d->kernel.data = d->bias.data = NULL;
    }
}

enum err_code keras_names_build(const struct h5_file *h5, const char *path,
                                struct net *out, struct err *e)
{
    struct names n = {.h5 = h5, .path = path, .e = e, .bag = {.path = mem_dup(path)}};
    bool v3 = h5_has(h5, "layers");
    enum err_code rc;
    TRY(v3 ? put_v3(&n) : put_legacy(&n));
    TRY(check_dense(&n));
    TRY(take_first_dense(&n));
    TRY(arch_build(&n.bag, "keras_xception", out, e));
    add_more_dense(&n, out);
out:
    names_release(&n);
    return rc;
}

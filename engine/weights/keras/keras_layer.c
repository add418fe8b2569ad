// The layer classes that an Xception in Keras consists of; one function a class.

#include "engine/weights/keras/keras.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_UNITS = 1 << 16, MAX_WINDOW = 255 };

typedef enum err_code add_fn(struct keras_build *b, const struct keras_layer *l,
                             int *node, struct err *e);

static const cJSON *item(const struct keras_layer *l, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(l->config, key);
    return cJSON_IsNull(value) ? NULL : value;
}

static bool is_whole(const cJSON *value, int min, int max)
{
    return cJSON_IsNumber(value) && value->valuedouble >= min &&
           value->valuedouble <= max && value->valuedouble == floor(value->valuedouble);
}

// A required whole number.
static enum err_code get_int(const struct keras_build *b, const struct keras_layer *l,
                             const char *key, int max, int *out, struct err *e)
{
    const cJSON *value = item(l, key);
    if (!is_whole(value, 1, max))
        return keras_refuse(b->path, l, e, "%s is not a number from 1 to %d", key, max);
    *out = (int)value->valuedouble;
    return ERR_OK;
}

// One number or two; absent gives the default.
static enum err_code get_pair(const struct keras_build *b, const struct keras_layer *l,
                              const char *key, int otherwise, int out[2], struct err *e)
{
    const cJSON *value = item(l, key);
    out[0] = out[1] = otherwise;
    if (!value)
        return ERR_OK;
    for (int i = 0; i < 2; i++) {
        const cJSON *one = cJSON_IsArray(value) ? cJSON_GetArrayItem(value, i) : value;
        if (!is_whole(one, 1, MAX_WINDOW))
            return keras_refuse(b->path, l, e, "%s is not 1 or 2 numbers from 1 to %d",
                                key, MAX_WINDOW);
        out[i] = (int)one->valuedouble;
    }
    return ERR_OK;
}

static const char *get_text(const struct keras_layer *l, const char *key,
                            const char *otherwise)
{
    const cJSON *value = item(l, key);
    return !value ? otherwise : cJSON_IsString(value) ? value->valuestring : "an object";
}

static bool get_bool(const struct keras_layer *l, const char *key, bool otherwise)
{
    const cJSON *value = item(l, key);
    return value ? cJSON_IsTrue(value) : otherwise;
}

// A setting that must have one value where it is given at all.
static enum err_code must_be(const struct keras_build *b, const struct keras_layer *l,
                             const char *key, double want, struct err *e)
{
    const cJSON *value = item(l, key);
    if (!value || (cJSON_IsNumber(value) && value->valuedouble == want))
        return ERR_OK;
    return keras_refuse(b->path, l, e, "%s is not %g", key, want);
}

// Kernel, stride, dilation and padding of a convolution or pooling.
static enum err_code set_window(const struct keras_build *b, const struct keras_layer *l,
                                const char *kernel_key, int node, struct err *e)
{
    int kernel[2], stride[2], dilation[2];
    enum err_code rc;
    const char *padding = get_text(l, "padding", "valid");
    const char *format = get_text(l, "data_format", "channels_last");
    struct net_node *n = &b->net->nodes[node];
    TRY(get_pair(b, l, kernel_key, 2, kernel, e));
    TRY(get_pair(b, l, "strides", n->op == NET_MAXPOOL ? kernel[0] : 1, stride, e));
    TRY(get_pair(b, l, "dilation_rate", 1, dilation, e));
    if (strcmp(format, "channels_last") != 0)
        return keras_refuse(b->path, l, e, "data_format %.40s, expected channels_last",
                            format);
    if (strcmp(padding, "same") != 0 && strcmp(padding, "valid") != 0)
        return keras_refuse(b->path, l, e, "padding %.40s, expected same or valid",
                            padding);
    if (stride[0] != stride[1] || dilation[0] != dilation[1])
        return keras_refuse(b->path, l, e, "strides or dilation differ by direction");
    n->kernel_h = kernel[0];
    n->kernel_w = kernel[1];
    n->stride = stride[0];
    n->dilation = dilation[0];
    n->padding = strcmp(padding, "same") == 0 ? NET_PAD_SAME : NET_PAD_EXPLICIT;
out:
    return rc;
}

// A node of the layer's name, with a suffix where one layer makes several.
static int add_node(struct keras_build *b, const struct keras_layer *l, enum net_op op,
                    int in, const char *suffix)
{
    char *name = mem_printf("%s%s", l->name, suffix);
    int node = net_add(b->net, op, name, in, -1);
    free(name);
    if (in >= 0)
        b->net->nodes[node].channels = b->net->nodes[in].channels;
    return node;
}

// The kernel of a node whose window and channels are set.
static enum err_code take_kernel(struct keras_build *b, const struct keras_layer *l,
                                 int node, const char *name, int place, struct err *e)
{
    struct net_node *n = &b->net->nodes[node];
    size_t in = (size_t)net_in_channels(b->net, node), out = (size_t)n->channels;
    struct keras_want want = {
        name, place, 4, {(size_t)n->kernel_h, (size_t)n->kernel_w, in, out}};
    if (n->op == NET_DEPTHWISE)
        want.shape[3] = 1;
    if (n->op == NET_FC)
        want = (struct keras_want){name, place, 2, {in, out}};
    enum err_code rc = keras_weight(b->source, l, &want, &n->weight, e);
    if (rc == ERR_OK)
        n->params += net_weight_count(b->net, node);
    return rc;
}

static enum err_code take_bias(struct keras_build *b, const struct keras_layer *l,
                               int node, int place, struct err *e)
{
    struct net_node *n = &b->net->nodes[node];
    struct keras_want want = {"bias", place, 1, {(size_t)n->channels}};
    if (!get_bool(l, "use_bias", true))
        return ERR_OK;
    enum err_code rc = keras_weight(b->source, l, &want, &n->bias, e);
    if (rc == ERR_OK)
        n->params += want.shape[0];
    return rc;
}

// What follows a layer by its setting "activation". Logits are wanted, so a softmax is
// only remembered: keras_layer_add sees to it that nothing comes behind.
static enum err_code activate(struct keras_build *b, const struct keras_layer *l, int in,
                              const char *suffix, int *node, struct err *e)
{
    const char *name = get_text(l, "activation", "linear");
    *node = in;
    if (strcmp(name, "relu") == 0)
        *node = add_node(b, l, NET_RELU, in, suffix);
    else if (strcmp(name, "softmax") == 0)
        b->softmax = l->name;
    else if (strcmp(name, "linear") != 0)
        return keras_refuse(b->path, l, e,
                            "activation %.40s, expected relu, linear or a final softmax",
                            name);
    return ERR_OK;
}

static enum err_code add_conv(struct keras_build *b, const struct keras_layer *l,
                              int *node, struct err *e)
{
    int i = add_node(b, l, NET_CONV, l->in[0], "");
    enum err_code rc;
    TRY(get_int(b, l, "filters", MAX_UNITS, &b->net->nodes[i].channels, e));
    TRY(must_be(b, l, "groups", 1, e));
    TRY(set_window(b, l, "kernel_size", i, e));
    TRY(take_kernel(b, l, i, "kernel", 0, e));
    TRY(take_bias(b, l, i, 1, e));
    rc = activate(b, l, i, "/relu", node, e);
out:
    return rc;
}

static enum err_code add_depthwise(struct keras_build *b, const struct keras_layer *l,
                                   int i, const char *name, struct err *e)
{
    enum err_code rc;
    TRY(must_be(b, l, "depth_multiplier", 1, e));
    TRY(set_window(b, l, "kernel_size", i, e));
    rc = take_kernel(b, l, i, name, 0, e);
out:
    return rc;
}

static enum err_code add_depthwise_conv(struct keras_build *b,
                                        const struct keras_layer *l, int *node,
                                        struct err *e)
{
    int i = add_node(b, l, NET_DEPTHWISE, l->in[0], "");
    enum err_code rc = add_depthwise(b, l, i, "kernel", e);
    if (rc == ERR_OK)
        rc = take_bias(b, l, i, 1, e);
    return rc == ERR_OK ? activate(b, l, i, "/relu", node, e) : rc;
}

static enum err_code add_separable(struct keras_build *b, const struct keras_layer *l,
                                   int *node, struct err *e)
{
    int dw = add_node(b, l, NET_DEPTHWISE, l->in[0], "/depthwise");
    enum err_code rc;
    TRY(add_depthwise(b, l, dw, "depthwise_kernel", e));
    int pw = add_node(b, l, NET_CONV, dw, "/pointwise");
    struct net_node *n = &b->net->nodes[pw];
    n->kernel_h = n->kernel_w = n->stride = n->dilation = 1;
    TRY(get_int(b, l, "filters", MAX_UNITS, &n->channels, e));
    TRY(take_kernel(b, l, pw, "pointwise_kernel", 1, e));
    TRY(take_bias(b, l, pw, 2, e));
    rc = activate(b, l, pw, "/relu", node, e);
out:
    return rc;
}

struct statistics {
    float *gamma, *beta, *mean, *variance; // gamma and beta may be NULL: 1 and 0
};

// Places in v3 files close ranks when gamma or beta is switched off.
static enum err_code take_statistics(struct keras_build *b, const struct keras_layer *l,
                                     size_t channels, struct statistics *s, struct err *e)
{
    const struct {
        const char *name;
        bool has;
        float **out;
    } parts[] = {
        {"gamma", get_bool(l, "scale", true), &s->gamma},
        {"beta", get_bool(l, "center", true), &s->beta},
        {"moving_mean", true, &s->mean},
        {"moving_variance", true, &s->variance},
    };
    enum err_code rc = ERR_OK;
    for (int k = 0, place = 0; k < 4 && rc == ERR_OK; k++) {
        struct keras_want want = {parts[k].name, place, 1, {channels}};
        place += parts[k].has;
        if (parts[k].has)
            rc = keras_weight(b->source, l, &want, parts[k].out, e);
    }
    return rc;
}

// y = gamma (x - mean) / sqrt(variance + epsilon) + beta as one scale and shift, kept
// where the mean and the variance were.
static void to_affine(const struct statistics *s, double epsilon, size_t channels)
{
    for (size_t k = 0; k < channels; k++) {
        double gamma = s->gamma ? (double)s->gamma[k] : 1;
        double beta = s->beta ? (double)s->beta[k] : 0;
        double scale = gamma / sqrt((double)s->variance[k] + epsilon);
        s->variance[k] = (float)scale;
        s->mean[k] = (float)(beta - (double)s->mean[k] * scale);
    }
}

static enum err_code add_batch_norm(struct keras_build *b, const struct keras_layer *l,
                                    int *node, struct err *e)
{
    const cJSON *axis = item(l, "axis"), *epsilon = item(l, "epsilon");
    struct statistics s = {0};
    if (cJSON_IsArray(axis))
        axis = cJSON_GetArrayItem(axis, 0);
    if (axis && !is_whole(axis, 3, 3) && !is_whole(axis, -1, -1))
        return keras_refuse(b->path, l, e, "axis is not the last one");
    if (epsilon && !(cJSON_IsNumber(epsilon) && epsilon->valuedouble >= 0))
        return keras_refuse(b->path, l, e, "epsilon is not a number");
    *node = add_node(b, l, NET_AFFINE, l->in[0], "");
    struct net_node *n = &b->net->nodes[*node];
    size_t channels = (size_t)n->channels;
    enum err_code rc = take_statistics(b, l, channels, &s, e);
    if (rc == ERR_OK) {
        to_affine(&s, epsilon ? epsilon->valuedouble : 1e-3, channels);
        n->params = channels * ((s.gamma != NULL) + (s.beta != NULL));
        n->params_stats = 2 * channels;
    }
    n->weight = s.variance;
    n->bias = s.mean;
    free(s.gamma);
    free(s.beta);
    return rc;
}

static enum err_code add_activation(struct keras_build *b, const struct keras_layer *l,
                                    int *node, struct err *e)
{
    return activate(b, l, l->in[0], "", node, e);
}

static enum err_code add_relu(struct keras_build *b, const struct keras_layer *l,
                              int *node, struct err *e)
{
    if (item(l, "max_value"))
        return keras_refuse(b->path, l, e, "max_value is set, expected a plain ReLU");
    enum err_code rc = must_be(b, l, "negative_slope", 0, e);
    if (rc == ERR_OK)
        rc = must_be(b, l, "threshold", 0, e);
    if (rc == ERR_OK)
        *node = add_node(b, l, NET_RELU, l->in[0], "");
    return rc;
}

static enum err_code add_softmax(struct keras_build *b, const struct keras_layer *l,
                                 int *node, struct err *e)
{
    (void)e;
    b->softmax = l->name;
    *node = l->in[0];
    return ERR_OK;
}

static enum err_code add_max_pool(struct keras_build *b, const struct keras_layer *l,
                                  int *node, struct err *e)
{
    *node = add_node(b, l, NET_MAXPOOL, l->in[0], "");
    return set_window(b, l, "pool_size", *node, e);
}

static enum err_code add_sum(struct keras_build *b, const struct keras_layer *l,
                             int *node, struct err *e)
{
    if (l->in_count < 2)
        return keras_refuse(b->path, l, e, "reads %d layers, expected 2 or more",
                            l->in_count);
    *node = l->in[0];
    for (int i = 1; i < l->in_count; i++) {
        *node = add_node(b, l, NET_ADD, *node, i > 1 ? "/more" : "");
        b->net->nodes[*node].in[1] = l->in[i];
    }
    return ERR_OK;
}

static enum err_code add_pooling(struct keras_build *b, const struct keras_layer *l,
                                 int *node, struct err *e)
{
    (void)e;
    *node = add_node(b, l, NET_GAP, l->in[0], "");
    return ERR_OK;
}

static enum err_code add_dense(struct keras_build *b, const struct keras_layer *l,
                               int *node, struct err *e)
{
    int i = add_node(b, l, NET_FC, l->in[0], "");
    enum err_code rc;
    TRY(get_int(b, l, "units", MAX_UNITS, &b->net->nodes[i].channels, e));
    TRY(take_kernel(b, l, i, "kernel", 0, e));
    TRY(take_bias(b, l, i, 1, e));
    rc = activate(b, l, i, "/relu", node, e);
out:
    return rc;
}

// Does nothing at inference.
static enum err_code add_nothing(struct keras_build *b, const struct keras_layer *l,
                                 int *node, struct err *e)
{
    (void)b, (void)e;
    *node = l->in[0];
    return ERR_OK;
}

// Pooled features have one pixel, so that flattening them changes nothing.
static enum err_code add_flatten(struct keras_build *b, const struct keras_layer *l,
                                 int *node, struct err *e)
{
    int i = l->in[0];
    while (i > 0 && b->net->nodes[i].op == NET_RELU)
        i = b->net->nodes[i].in[0];
    enum net_op op = b->net->nodes[i].op;
    if (op != NET_GAP && op != NET_FC)
        return keras_refuse(b->path, l, e, "comes before the global pooling");
    *node = l->in[0];
    return ERR_OK;
}

// The preset of Keras files gives x/127.5 - 1 already; a network that does this by itself
// gets the same values when its own layer is left out.
static enum err_code add_rescaling(struct keras_build *b, const struct keras_layer *l,
                                   int *node, struct err *e)
{
    const cJSON *scale = item(l, "scale"), *offset = item(l, "offset");
    if (b->net->nodes[l->in[0]].op != NET_INPUT || !cJSON_IsNumber(scale) ||
        fabs(scale->valuedouble * 127.5 - 1) > 1e-6 || !cJSON_IsNumber(offset) ||
        offset->valuedouble != -1)
        return keras_refuse(b->path, l, e,
                            "expected scale 1/127.5 and offset -1 on the input");
    *node = l->in[0];
    return ERR_OK;
}

static const struct {
    const char *class_name;
    add_fn *add;
} classes[] = {
    {"Activation", add_activation},
    {"Add", add_sum},
    {"BatchNormalization", add_batch_norm},
    {"Conv2D", add_conv},
    {"Dense", add_dense},
    {"DepthwiseConv2D", add_depthwise_conv},
    {"Dropout", add_nothing},
    {"Flatten", add_flatten},
    {"GlobalAveragePooling2D", add_pooling},
    {"MaxPooling2D", add_max_pool},
    {"RandomContrast", add_nothing},
    {"RandomFlip", add_nothing},
    {"RandomRotation", add_nothing},
    {"RandomTranslation", add_nothing},
    {"RandomZoom", add_nothing},
    {"ReLU", add_relu},
    {"Rescaling", add_rescaling},
    {"Reshape", add_flatten},
    {"SeparableConv2D", add_separable},
    {"Softmax", add_softmax},
};

enum err_code keras_layer_add(struct keras_build *build, const struct keras_layer *layer,
                              int *node, struct err *e)
{
    const size_t n = sizeof classes / sizeof classes[0];
    size_t i = 0;
    while (i < n && strcmp(classes[i].class_name, layer->class_name) != 0)
        i++;
    if (i == n)
        return keras_refuse(build->path, layer, e, "unknown class of layer");
    if (layer->in_count < 1 || (layer->in_count > 1 && classes[i].add != add_sum))
        return keras_refuse(build->path, layer, e, "reads %d layers, expected 1",
                            layer->in_count);
    if (build->softmax)
        return keras_refuse(build->path, layer, e,
                            "comes behind the softmax of %.100s, expected the end",
                            build->softmax);
    return classes[i].add(build, layer, node, e);
}

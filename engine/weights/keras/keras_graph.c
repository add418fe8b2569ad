// Walks the configuration of a Keras model: Functional and Sequential models, nested in
// each other, with the connections as Keras 2 and Keras 3 write them.

#include "engine/weights/keras/keras.h"

#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 8, MAX_LAYERS = 4096 };

// A model that is being walked; its nested ones lie above it on the stack.
struct scope {
    const cJSON *next;   // layer to build
    const cJSON *first;  // of the same list
    const cJSON *config; // of the model
    bool sequential;
    const char *name;
    char *group; // v3: "layers/functional"
    int input;   // the node that its input layer stands for, -1: the net's input
    int last;    // node of the layer before, for Sequential
    struct {
        const char *name;
        int node;
    } * done;
    size_t done_count, done_cap;
};

struct walk {
    struct keras_build build;
    struct scope stack[MAX_DEPTH];
    int depth;
    struct err *e;
};

static const char *text_of(const cJSON *object, const char *key)
{
    const char *text =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return text ? text : "";
}

static const cJSON *config_of(const cJSON *layer)
{
    return cJSON_GetObjectItemCaseSensitive(layer, "config");
}

static bool is_model(const cJSON *layer)
{
    static const char *const names[] = {"Functional", "Model", "Sequential"};
    const char *class_name = text_of(layer, "class_name");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(class_name, names[i]) == 0)
            return true;
    return false;
}

// Layers of a model; the oldest Sequential models are a bare list.
static const cJSON *layers_of(const cJSON *model)
{
    const cJSON *config = config_of(model);
    return cJSON_IsArray(config) ? config
                                 : cJSON_GetObjectItemCaseSensitive(config, "layers");
}

static const char *layer_name(const cJSON *layer)
{
    const char *name = text_of(layer, "name");
    return name[0] ? name : text_of(config_of(layer), "name");
}

// Keras' own snake_case, which names the groups of v3 files.
static void add_snake(struct str *out, const char *name)
{
    for (const char *p = name; *p; p++) {
        bool inner = p > name && isupper((unsigned char)*p);
        if (inner && (islower((unsigned char)p[1]) || islower((unsigned char)p[-1])))
            str_add_char(out, '_');
        str_add_char(out, (char)tolower((unsigned char)*p));
    }
}

// "layers/separable_conv2d_3": layers of a class are counted within their model.
static char *group_of(const struct scope *s, const cJSON *layer)
{
    struct str group = {0};
    const char *class_name = text_of(layer, "class_name");
    int earlier = 0;
    for (const cJSON *l = s->first; l && l != layer; l = l->next)
        earlier += strcmp(text_of(l, "class_name"), class_name) == 0;
    if (s->group)
        str_addf(&group, "%s/", s->group);
    str_add(&group, "layers/");
    add_snake(&group, class_name);
    if (earlier)
        str_addf(&group, "_%d", earlier);
    return str_detach(&group);
}

static enum err_code push(struct walk *w, const cJSON *model, const char *name,
                          char *group, int input)
{
    const cJSON *layers = layers_of(model);
    if (w->depth == MAX_DEPTH || !cJSON_IsArray(layers)) {
        free(group);
        return err_set(w->e, ERR_FORMAT, "%s: model %.100s %s", w->build.path, name,
                       w->depth == MAX_DEPTH ? "is nested too deep" : "has no layers");
    }
    w->stack[w->depth++] = (struct scope){
        .next = layers->child,
        .first = layers->child,
        .config = config_of(model),
        .sequential = strcmp(text_of(model, "class_name"), "Sequential") == 0,
        .name = name,
        .group = group,
        .input = input,
        .last = input,
    };
    return ERR_OK;
}

static void pop(struct walk *w)
{
    struct scope *s = &w->stack[--w->depth];
    free(s->group);
    free(s->done);
}

static int find_done(const struct scope *s, const char *name)
{
    for (size_t i = 0; i < s->done_count; i++)
        if (strcmp(s->done[i].name, name) == 0)
            return s->done[i].node;
    return -1;
}

static enum err_code set_done(struct walk *w, struct scope *s, const char *name, int node)
{
    if (find_done(s, name) >= 0)
        return err_set(w->e, ERR_FORMAT, "%s: two layers are named %.100s", w->build.path,
                       name);
    if (!mem_grow(&s->done, &s->done_cap, s->done_count + 1, sizeof *s->done))
        return err_set(w->e, ERR_NOMEM, "%s: no memory for its layers", w->build.path);
    s->done[s->done_count].name = name;
    s->done[s->done_count++].node = node;
    s->last = node;
    return ERR_OK;
}

// A reference to a layer's result: ["name", 0, 0, …], or Keras 3's tensor object around
// it. NULL when it is neither.
static const char *referred(const cJSON *ref)
{
    if (cJSON_IsObject(ref))
        ref = cJSON_GetObjectItemCaseSensitive(config_of(ref), "keras_history");
    const cJSON *tensor = cJSON_GetArrayItem(ref, 2);
    if (!cJSON_IsArray(ref) || (tensor && tensor->valuedouble != 0))
        return NULL;
    return cJSON_GetStringValue(ref->child);
}

static enum err_code add_input(struct walk *w, const struct scope *s,
                               struct keras_layer *l, const cJSON *ref)
{
    const char *name = referred(ref);
    if (!name)
        return keras_refuse(w->build.path, l, w->e,
                            "what it reads is not the one result of a layer");
    if (l->in_count == KERAS_MAX_INPUTS)
        return keras_refuse(w->build.path, l, w->e, "reads more than %d layers",
                            KERAS_MAX_INPUTS);
    int node = find_done(s, name);
    if (node < 0)
        return keras_refuse(w->build.path, l, w->e,
                            "reads %.100s, which is not an earlier layer", name);
    l->in[l->in_count++] = node;
    return ERR_OK;
}

// inbound_nodes: one call of the layer. Keras 2 lists references; Keras 3 has an object
// whose args are tensors or lists of them.
static enum err_code read_inputs(struct walk *w, const struct scope *s,
                                 const cJSON *layer, struct keras_layer *l)
{
    const cJSON *calls = cJSON_GetObjectItemCaseSensitive(layer, "inbound_nodes"), *arg;
    if (cJSON_GetArraySize(calls) != 1)
        return keras_refuse(w->build.path, l, w->e, "is called %d times, expected once",
                            cJSON_GetArraySize(calls));
    const cJSON *call = calls->child;
    if (cJSON_IsObject(call))
        call = cJSON_GetObjectItemCaseSensitive(call, "args");
    else if (cJSON_IsArray(call) && cJSON_IsString(call->child))
        return add_input(w, s, l, call);
    cJSON_ArrayForEach(arg, call)
    {
        // A list of references, unless it is one itself.
        bool list = cJSON_IsArray(arg) && !cJSON_IsString(arg->child);
        for (const cJSON *ref = list ? arg->child : arg; ref;
             ref = list ? ref->next : NULL) {
            enum err_code rc = add_input(w, s, l, ref);
            if (rc != ERR_OK)
                return rc;
        }
    }
    return ERR_OK;
}

static int extent(const cJSON *shape, int i)
{
    const cJSON *n = cJSON_GetArrayItem(shape, i);
    return cJSON_IsNumber(n) && n->valuedouble >= 1 && n->valuedouble < 1 << 15
               ? (int)n->valuedouble
               : 0;
}

// The picture: [null, height, width, 3].
static enum err_code add_picture(struct walk *w, const cJSON *layer)
{
    struct net *net = w->build.net;
    const cJSON *config = config_of(layer);
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(config, "batch_shape");
    if (!shape)
        shape = cJSON_GetObjectItemCaseSensitive(config, "batch_input_shape");
    if (net->count)
        return err_set(w->e, ERR_UNSUPPORTED, "%s: a second input, %.100s, expected one",
                       w->build.path, layer_name(layer));
    if (cJSON_GetArraySize(shape) != 4 || extent(shape, 3) != 3)
        return err_set(w->e, ERR_UNSUPPORTED,
                       "%s: input %.100s is not a picture of height x width x 3",
                       w->build.path, layer_name(layer));
    net->height = extent(shape, 1);
    net->width = extent(shape, 2);
    net_add(net, NET_INPUT, layer_name(layer), -1, -1);
    net->nodes[0].channels = 3;
    return ERR_OK;
}

static enum err_code start_input(struct walk *w, struct scope *s, const cJSON *layer)
{
    if (s->input < 0) {
        enum err_code rc = add_picture(w, layer);
        if (rc != ERR_OK)
            return rc;
        s->input = s->last = 0;
    }
    return ERR_OK;
}

static enum err_code step(struct walk *w, const cJSON *layer)
{
    struct scope *s = &w->stack[w->depth - 1];
    struct keras_layer l = {
        .config = config_of(layer),
        .class_name = text_of(layer, "class_name"),
        .name = layer_name(layer),
    };
    enum err_code rc = ERR_OK;
    int node = -1;
    l.outer = w->depth > 1 ? w->stack[1].name : l.name;
    if (strcmp(l.class_name, "InputLayer") == 0) {
        TRY(start_input(w, s, layer));
        return set_done(w, s, l.name, s->input);
    }
    if (s->sequential) {
        // Keras 2 tells the input's shape in the first layer.
        TRY(start_input(w, s, layer));
        l.in[l.in_count++] = s->last;
    } else {
        TRY(read_inputs(w, s, layer, &l));
    }
    if (is_model(layer) && l.in_count != 1)
        return keras_refuse(w->build.path, &l, w->e, "reads %d layers, expected 1",
                            l.in_count);
    l.group = group_of(s, layer);
    if (is_model(layer))
        return push(w, layer, l.name, l.group, l.in[0]);
    TRY(keras_layer_add(&w->build, &l, &node, w->e));
    rc = set_done(w, s, l.name, node);
out:
    free(l.group);
    return rc;
}

// The node that a finished model gives.
static enum err_code result_of(struct walk *w, const struct scope *s, int *node)
{
    *node = s->last;
    if (s->sequential)
        return *node >= 0 ? ERR_OK
                          : err_set(w->e, ERR_FORMAT, "%s: model %.100s is empty",
                                    w->build.path, s->name);
    const cJSON *outputs = cJSON_GetObjectItemCaseSensitive(s->config, "output_layers");
    if (cJSON_IsArray(outputs) && cJSON_IsArray(outputs->child)) {
        if (cJSON_GetArraySize(outputs) != 1)
            return err_set(w->e, ERR_UNSUPPORTED,
                           "%s: model %.100s has %d outputs, expected 1", w->build.path,
                           s->name, cJSON_GetArraySize(outputs));
        outputs = outputs->child;
    }
    const char *name = referred(outputs);
    *node = name ? find_done(s, name) : -1;
    return *node >= 0 ? ERR_OK
                      : err_set(w->e, ERR_FORMAT,
                                "%s: the output of model %.100s is not one of its layers",
                                w->build.path, s->name);
}

static enum err_code finish_scope(struct walk *w)
{
    int node;
    const struct scope *s = &w->stack[w->depth - 1];
    const char *name = s->name;
    enum err_code rc = result_of(w, s, &node);
    pop(w);
    if (rc != ERR_OK || w->depth > 0)
        return rc != ERR_OK ? rc : set_done(w, &w->stack[w->depth - 1], name, node);
    if (node != w->build.net->count - 1)
        return err_set(w->e, ERR_UNSUPPORTED, "%s: layers follow its output %.100s",
                       w->build.path, w->build.net->nodes[node].name);
    return ERR_OK;
}

struct census {
    int separable, depthwise, add, conv, layers;
};

static void count_layer(struct census *c, const char *class_name)
{
    c->layers++;
    c->separable += strcmp(class_name, "SeparableConv2D") == 0;
    c->depthwise += strcmp(class_name, "DepthwiseConv2D") == 0;
    c->conv += strcmp(class_name, "Conv2D") == 0;
    c->add += strcmp(class_name, "Add") == 0;
}

// Looks over all layers first: a model of another family is better told by what it
// consists of than by the first layer that happens to be unknown.
static enum err_code check_family(const cJSON *model, const char *path, struct err *e)
{
    const cJSON *stack[MAX_DEPTH] = {layers_of(model) ? layers_of(model)->child : NULL};
    struct census c = {0};
    for (int depth = 1; depth > 0;) {
        const cJSON *layer = stack[depth - 1];
        if (!layer) {
            depth--;
            continue;
        }
        stack[depth - 1] = layer->next;
        const cJSON *inner = is_model(layer) ? layers_of(layer) : NULL;
        if (inner && depth < MAX_DEPTH)
            stack[depth++] = inner->child;
        count_layer(&c, text_of(layer, "class_name"));
        if (c.layers > MAX_LAYERS)
            return err_set(e, ERR_LIMIT, "%s: more than %d layers", path, MAX_LAYERS);
    }
    if (c.separable + c.depthwise > 0 && c.add > 0)
        return ERR_OK;
    const char *name = text_of(config_of(model), "name");
    return err_set(e, ERR_FORMAT,
                   "%s: not an Xception: %s \"%.100s\" has %d layers, of them %d Conv2D, "
                   "%d SeparableConv2D and %d Add, expected separable convolutions with "
                   "residual adds",
                   path, text_of(model, "class_name"), name, c.layers, c.conv,
                   c.separable, c.add);
}

static enum err_code walk(struct walk *w)
{
    enum err_code rc = ERR_OK;
    while (w->depth > 0 && rc == ERR_OK) {
        struct scope *s = &w->stack[w->depth - 1];
        const cJSON *layer = s->next;
        if (layer)
            s->next = layer->next;
        rc = layer ? step(w, layer) : finish_scope(w);
    }
    return rc;
}

enum err_code keras_graph_build(const cJSON *model, struct keras_source *source,
                                struct net *out, struct err *e)
{
    struct walk w = {.build = {.net = out, .source = source, .path = source->path},
                     .e = e};
    if (!is_model(model))
        return err_set(e, ERR_UNSUPPORTED,
                       "%s: model of class \"%.60s\", expected Functional or Sequential",
                       source->path, text_of(model, "class_name"));
    enum err_code rc = check_family(model, source->path, e);
    if (rc == ERR_OK)
        rc = push(&w, model, text_of(config_of(model), "name"), NULL, -1);
    if (rc == ERR_OK)
        rc = walk(&w);
    while (w.depth > 0)
        pop(&w);
    return rc;
}

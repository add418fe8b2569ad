// Where Keras put the tensors of a layer. Legacy files list them by name in the attribute
// weight_names of the top-level layer's group; v3 files number them.

#include "engine/weights/keras/keras.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void keras_source_release(struct keras_source *source)
{
    free(source->listed);
    source->listed = NULL;
    h5_texts_release(&source->names);
}

enum err_code keras_refuse(const char *path, const struct keras_layer *layer,
                           struct err *e, const char *fmt, ...)
{
    struct str text = {0};
    va_list ap;
    va_start(ap, fmt);
    str_addv(&text, fmt, ap);
    va_end(ap);
    enum err_code rc = err_set(e, ERR_UNSUPPORTED, "%s: layer %.100s (%.60s): %s", path,
                               layer->name, layer->class_name, str_get(&text));
    str_release(&text);
    return rc;
}

// "LAYER/VAR:0" without what follows the colon.
static size_t bare_len(const char *name)
{
    return strcspn(name, ":");
}

// The last component is the variable; in a nested model the one before it is the layer.
static bool is_weight(const char *listed, const struct keras_layer *layer,
                      const char *name)
{
    size_t n = bare_len(listed), tail = strlen(name), inner = strlen(layer->name);
    if (n < tail || memcmp(listed + n - tail, name, tail) != 0)
        return false;
    if (n > tail && listed[n - tail - 1] != '/')
        return false;
    if (strcmp(layer->outer, layer->name) == 0)
        return true;
    if (n < tail + 1 + inner)
        return false;
    const char *start = listed + n - tail - 1 - inner;
    return memcmp(start, layer->name, inner) == 0 &&
           (start == listed || start[-1] == '/');
}

static const char *find_listed(const struct keras_source *source,
                               const struct keras_layer *layer, const char *name)
{
    for (size_t i = 0; i < source->names.count; i++)
        if (is_weight(source->names.text[i], layer, name))
            return source->names.text[i];
    return NULL;
}

static char *join(const char *a, const char *b)
{
    return a[0] ? mem_printf("%s/%s", a, b) : mem_dup(b);
}

static enum err_code find_by_name(struct keras_source *source,
                                  const struct keras_layer *layer, const char *name,
                                  char **out, struct err *e)
{
    char *group = join(source->root, layer->outer);
    enum err_code rc = ERR_OK;
    if (!source->listed || strcmp(source->listed, group) != 0) {
        keras_source_release(source);
        rc = h5_attr_texts(source->h5, group, "weight_names", &source->names, e);
        source->listed = rc == ERR_OK ? mem_dup(group) : NULL;
    }
    *out = NULL;
    const char *listed = rc == ERR_OK ? find_listed(source, layer, name) : NULL;
    // Keras 2 has its own word for the kernel of a DepthwiseConv2D.
    if (rc == ERR_OK && !listed && strcmp(layer->class_name, "DepthwiseConv2D") == 0)
        listed = find_listed(source, layer, "depthwise_kernel");
    if (listed)
        *out = join(group, listed);
    if (rc == ERR_OK && !*out)
        rc = err_set(e, ERR_FORMAT, "%s: layer %.100s (%.60s) has no tensor %s",
                     source->path, layer->name, layer->class_name, name);
    free(group);
    return rc;
}

static void add_shape(struct str *s, int ndim, const size_t *shape)
{
    for (int i = 0; i < ndim; i++)
        str_addf(s, i ? "x%zu" : "%zu", shape[i]);
}

static enum err_code check_shape(const char *path, const char *tensor, int ndim,
                                 const size_t *shape, const struct keras_want *want,
                                 struct err *e)
{
    if (ndim == want->ndim &&
        memcmp(shape, want->shape, (size_t)ndim * sizeof *shape) == 0)
        return ERR_OK;
    struct str text = {0};
    add_shape(&text, ndim, shape);
    str_add(&text, ", expected ");
    add_shape(&text, want->ndim, want->shape);
    enum err_code rc =
        err_set(e, ERR_FORMAT, "%s: tensor %.200s is %s", path, tensor, str_get(&text));
    str_release(&text);
    return rc;
}

enum err_code keras_weight(struct keras_source *source, const struct keras_layer *layer,
                           const struct keras_want *want, float **out, struct err *e)
{
    size_t shape[H5_MAX_DIMS];
    int ndim;
    char *tensor = NULL;
    float *data = NULL;
    enum err_code rc;
    if (source->v3)
        tensor = mem_printf("%s/vars/%d", layer->group, want->place);
    else
        TRY(find_by_name(source, layer, want->name, &tensor, e));
    TRY(h5_floats(source->h5, tensor, &ndim, shape, &data, e));
    TRY(check_shape(source->path, tensor, ndim, shape, want, e));
    *out = data;
    data = NULL;
out:
    free(data);
    free(tensor);
    return rc;
}

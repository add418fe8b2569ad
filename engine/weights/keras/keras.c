#include "engine/weights/keras/keras.h"

#include "archive/archive.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CONFIG = 1 << 26 };
#define MAX_WEIGHTS ((size_t)1 << 31)

static int count_op(const struct net *net, enum net_op op, int kernel)
{
    int n = 0;
    for (int i = 0; i < net->count; i++)
        n += net->nodes[i].op == op && (!kernel || net->nodes[i].kernel_h == kernel);
    return n;
}

// keras.applications.Xception of any width and depth of the middle flow: two dense
// convolutions 3x3, four strided shortcuts and poolings, three separables in each of the
// other residual blocks and ten elsewhere.
static bool is_xception(const struct net *net)
{
    int separables = count_op(net, NET_DEPTHWISE, 3), middle = (separables - 10) / 3;
    return separables == 10 + 3 * middle &&
           count_op(net, NET_DEPTHWISE, 0) == separables &&
           count_op(net, NET_CONV, 3) == 2 &&
           count_op(net, NET_CONV, 1) == separables + 4 &&
           count_op(net, NET_MAXPOOL, 3) == 4 && count_op(net, NET_MAXPOOL, 0) == 4 &&
           count_op(net, NET_ADD, 0) == 4 + middle && net->nodes[1].op == NET_CONV &&
           net->nodes[1].stride == 2 && net->nodes[1].padding == NET_PAD_EXPLICIT;
}

static void describe(struct net *net, const char *format)
{
    if (!net->arch[0])
        (void)snprintf(net->arch, sizeof net->arch, "%s",
                       is_xception(net) ? "keras_xception" : "other");
    (void)snprintf(net->publisher, sizeof net->publisher, "keras");
    (void)snprintf(net->preset, sizeof net->preset, "keras");
    (void)snprintf(net->format, sizeof net->format, "%s", format);
}

static enum err_code build(const char *json, size_t len, struct keras_source *source,
                           struct net *out, struct err *e)
{
    cJSON *model = cJSON_ParseWithLength(json, len);
    enum err_code rc =
        model ? keras_graph_build(model, source, out, e)
              : err_set(e, ERR_FORMAT, "%s: its model configuration is not JSON",
                        source->path);
    cJSON_Delete(model);
    keras_source_release(source);
    return rc;
}

static enum err_code build_legacy(const struct h5_file *h5, const char *path,
                                  struct net *out, struct err *e)
{
    struct keras_source source = {.h5 = h5, .path = path, .root = "model_weights"};
    struct h5_texts config;
    enum err_code rc = h5_attr_texts(h5, "", "model_config", &config, e);
    if (rc != ERR_OK)
        return rc;
    if (config.count == 1)
        rc = build(config.text[0], strlen(config.text[0]), &source, out, e);
    else
        rc = err_set(e, ERR_FORMAT, "%s: attribute model_config holds %zu texts", path,
                     config.count);
    h5_texts_release(&config);
    return rc;
}

enum err_code keras_open_h5(const struct file_bytes *image, const char *path,
                            struct net *out, struct err *e)
{
    struct h5_file *h5;
    const char *format = "hdf5";
    enum err_code rc = h5_open(image, path, &h5, e);
    if (rc != ERR_OK)
        return rc;
    if (h5_has_attr(h5, "", "model_config")) {
        rc = build_legacy(h5, path, out, e);
    } else if (h5_has(h5, "layers") || h5_has_attr(h5, "", "layer_names") ||
               h5_has_attr(h5, "", "layer_names0")) {
        format = "hdf5 weights";
        rc = keras_names_build(h5, path, out, e);
    } else {
        rc = err_set(e, ERR_FORMAT,
                     "%s: an HDF5 file that Keras did not write: neither model_config, "
                     "layer_names nor layers is in it",
                     path);
    }
    h5_close(h5);
    if (rc == ERR_OK)
        describe(out, format);
    return rc;
}

static enum err_code read_member(struct zip_reader *zip, const char *path,
                                 const char *name, size_t max, struct file_bytes *out,
                                 struct err *e)
{
    ptrdiff_t i = arc_zip_find(zip, name);
    if (i < 0)
        return err_set(e, ERR_FORMAT, "%s: a Keras archive without %s", path, name);
    uint8_t *data;
    size_t len;
    enum err_code rc = arc_zip_read(zip, (size_t)i, max, &data, &len, e);
    if (rc == ERR_OK)
        *out = (struct file_bytes){data, len, false};
    return rc;
}

enum err_code keras_open_zip(const char *path, struct net *out, struct err *e)
{
    struct zip_reader *zip = NULL;
    struct file_bytes config = {0}, weights = {0};
    struct h5_file *h5 = NULL;
    enum err_code rc;
    TRY(arc_zip_open(path, &zip, e));
    TRY(read_member(zip, path, "config.json", MAX_CONFIG, &config, e));
    TRY(read_member(zip, path, "model.weights.h5", MAX_WEIGHTS, &weights, e));
    TRY(h5_open(&weights, path, &h5, e));
    struct keras_source source = {.h5 = h5, .path = path, .v3 = true, .root = ""};
    TRY(build((const char *)config.data, config.len, &source, out, e));
    describe(out, "keras v3");
out:
    h5_close(h5);
    file_bytes_release(&weights);
    file_bytes_release(&config);
    arc_zip_close(zip);
    return rc;
}

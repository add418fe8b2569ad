#ifndef ENG_WEIGHTS_KERAS_H
#define ENG_WEIGHTS_KERAS_H

// Keras models: a graph by its own configuration, or weights alone by the names of their
// layers. Shared by the keras_*.c files and nobody else but weights.c.

#include "engine/model/net.h"
#include "engine/weights/keras/hdf5.h"

#include "base/err.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

// Where the tensors of layers lie.
struct keras_source {
    const struct h5_file *h5;
    const char *path; // for messages
    bool v3;          // by place ("layers/conv2d_1/vars/0"), else by name under root
    const char *root; // "model_weights" or ""
    char *listed;     // the group whose weight_names are in `names`, or NULL
    struct h5_texts names;
};

void keras_source_release(struct keras_source *source);

// A layer of the configuration with the nodes that it reads.
enum { KERAS_MAX_INPUTS = 8 };
struct keras_layer {
    const cJSON *config;
    const char *class_name, *name;
    const char *outer; // legacy files: the top-level layer that holds this one
    char *group;       // v3 files: "layers/functional/layers/conv2d_1"
    int in[KERAS_MAX_INPUTS];
    int in_count;
};

// A weight that a layer must have: known by its name in legacy files, by its place among
// the layer's in v3.
struct keras_want {
    const char *name;
    int place;
    int ndim;
    size_t shape[4];
};
enum err_code keras_weight(struct keras_source *source, const struct keras_layer *layer,
                           const struct keras_want *want, float **out,
                           struct err *e) MUST_CHECK;

struct keras_build {
    struct net *net;
    struct keras_source *source;
    const char *path;
    const char *softmax; // the layer that made probabilities, which ends the network
};

// Appends the nodes of a layer and gives the one that holds its result, which may be one
// that it reads when it does nothing at inference. ERR_UNSUPPORTED names the layer, its
// class and what of it is unknown.
enum err_code keras_layer_add(struct keras_build *build, const struct keras_layer *layer,
                              int *node, struct err *e) MUST_CHECK;

// What a layer refuses or misses, as "FILE: layer NAME (CLASS): text".
enum err_code keras_refuse(const char *path, const struct keras_layer *layer,
                           struct err *e, const char *fmt, ...) PRINTF_LIKE(4, 5);

// Builds the net of a whole model (config.json or the attribute model_config).
enum err_code keras_graph_build(const cJSON *model, struct keras_source *source,
                                struct net *out, struct err *e) MUST_CHECK;

// Builds the net from weights without a configuration.
enum err_code keras_names_build(const struct h5_file *h5, const char *path,
                                struct net *out, struct err *e) MUST_CHECK;

// Whole files: the bytes of an HDF5 file, or a zip of Keras 3.
enum err_code keras_open_h5(const struct file_bytes *image, const char *path,
                            struct net *out, struct err *e) MUST_CHECK;
enum err_code keras_open_zip(const char *path, struct net *out, struct err *e) MUST_CHECK;

#endif

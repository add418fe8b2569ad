// Keras models: configurations over weights that stay whole, and whole HDF5 files.

#include "engine/weights/keras/keras.h"

#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

// Whatever was built must be fit to be judged; what was not has a reason.
static void judge(enum err_code rc, struct net *net, struct err *e)
{
    if (rc != ERR_OK && e->msg[0] == '\0')
        abort();
    if (net->count && net_check(net, e) == ERR_OK && net_fold(net, e) != ERR_OK)
        abort();
    net_release(net);
}

static void read_config(const cJSON *config, bool v3)
{
    static struct h5_file *h5;
    static struct file_bytes image;
    struct net net = {0};
    struct err e = {0};
    if (!h5) {
        if (file_map(XLENS_TEST_DATA "/keras/toy.h5", &image, NULL) != ERR_OK ||
            h5_open(&image, "toy.h5", &h5, NULL) != ERR_OK)
            abort();
    }
    struct keras_source source = {
        .h5 = h5, .path = "toy.h5", .v3 = v3, .root = "model_weights"};
    judge(keras_graph_build(config, &source, &net, &e), &net, &e);
    keras_source_release(&source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct file_bytes image = {data, size, false};
    if (h5_is(&image)) {
        struct net net = {0};
        struct err e = {0};
        judge(keras_open_h5(&image, "fuzz.h5", &net, &e), &net, &e);
        return 0;
    }
    cJSON *config = cJSON_ParseWithLength((const char *)data, size);
    if (config) {
        read_config(config, false);
        read_config(config, true);
    }
    cJSON_Delete(config);
    return 0;
}

// Configurations of Keras models, over weights that stay whole: mutations of an HDF5 file
// would test libhdf5, which cannot take them.

#include "engine/weights/keras.h"

#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

static void read_config(const cJSON *config, bool v3)
{
    static struct file_bytes image;
    struct h5_file *h5;
    struct net net = {0};
    struct err e = {0};
    if (!image.data && file_map(XLENS_TEST_DATA "/keras/toy.h5", &image, NULL) != ERR_OK)
        abort();
    if (h5_open(&image, "toy.h5", &h5, NULL) != ERR_OK)
        abort();
    struct keras_source source = {
        .h5 = h5, .path = "toy.h5", .v3 = v3, .root = "model_weights"};
    if (keras_graph_build(config, &source, &net, &e) != ERR_OK && e.msg[0] == '\0')
        abort();
    // Whatever was built must be fit to be judged.
    if (net.count && net_check(&net, &e) == ERR_OK && net_fold(&net, &e) != ERR_OK)
        abort();
    net_release(&net);
    keras_source_release(&source);
    h5_close(h5);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cJSON *config = cJSON_ParseWithLength((const char *)data, size);
    if (config) {
        read_config(config, false);
        read_config(config, true);
    }
    cJSON_Delete(config);
    return 0;
}

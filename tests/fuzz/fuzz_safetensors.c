// The safetensors container: native models, state dicts and strangers, opened as whole
// models and held to what weights.h promises.

#include "engine/weights/weights.h"

#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

static void read_model(const char *path)
{
    struct net net;
    struct err e = {0};
    if (weights_open(path, NULL, &net, &e) != ERR_OK) {
        if (net.count || e.msg[0] == '\0')
            abort();
        return;
    }
    if (net_check(&net, &e) != ERR_OK || net_fold(&net, &e) != ERR_OK)
        abort();
    net_release(&net);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_with_file(data, size, ".safetensors", read_model);
    return 0;
}

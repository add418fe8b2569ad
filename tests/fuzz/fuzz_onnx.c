// ONNX graphs, whatever they hold: a net that can be checked and folded, or an error.

#include "engine/weights/onnx/onnx.h"

#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct file_bytes bytes = {.data = data, .len = size};
    struct net net = {0};
    struct err e = {0};
    if (onnx_open(&bytes, "/nowhere/fuzz.onnx", &net, &e) != ERR_OK) {
        if (net.count || e.msg[0] == '\0')
            abort();
    } else if (net_check(&net, &e) == ERR_OK && net_fold(&net, &e) != ERR_OK) {
        abort();
    }
    net_release(&net);
    return 0;
}

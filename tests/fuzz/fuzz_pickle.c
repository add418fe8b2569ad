// Pickles: state dicts of torch's older format and of Paddle, up to the net.

#include "engine/model/arch.h"
#include "engine/weights/pickle/paddle_params.h"
#include "engine/weights/pickle/torch.h"

#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    struct file_bytes bytes = {.data = copy, .len = size};
    struct bag bag = {0};
    struct net net = {0};
    struct err e = {0};
    enum err_code rc = torch_legacy_is(data, size)
                           ? torch_legacy_read(&bytes, "fuzz", &bag, &e)
                           : paddle_params_read(&bytes, "fuzz", &bag, &e);
    if (rc == ERR_OK)
        rc = arch_build(&bag, NULL, &net, &e);
    if (rc != ERR_OK && (net.count || e.msg[0] == '\0'))
        abort();
    net_release(&net);
    bag_release(&bag);
    return 0;
}

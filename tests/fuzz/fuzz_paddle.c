// Programs of Paddle 2 and 3 beside weights that stay as they are.

#include "engine/weights/paddle/paddle.h"

#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct file_bytes bytes = {.data = data, .len = size};
    struct net net = {0};
    struct err e = {0};
    const char *beside = XLENS_TEST_DATA "/paddle2/ppcls_xception_deeplab.pdmodel";
    enum err_code rc = size && data[0] == '{'
                           ? paddle_pir_open(&bytes, beside, &net, &e)
                           : paddle_program_open(&bytes, beside, &net, &e);
    if (rc != ERR_OK && (net.count || e.msg[0] == '\0'))
        abort();
    if (rc == ERR_OK && net_check(&net, &e) == ERR_OK && net_fold(&net, &e) != ERR_OK)
        abort();
    net_release(&net);
    return 0;
}

// Zip archives of torch, state dicts and TorchScript, up to the net.

#include "engine/model/arch.h"
#include "engine/weights/pickle/torch.h"

#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

static void read_zip(const char *path)
{
    struct zip_reader *zip = NULL;
    struct bag bag = {0};
    struct net net = {0};
    struct err e = {0};
    enum err_code rc = arc_zip_open(path, &zip, &e);
    if (rc == ERR_OK)
        rc = torch_zip_read(zip, path, &bag, &e);
    if (rc == ERR_OK)
        rc = arch_build(&bag, NULL, &net, &e);
    if (rc != ERR_OK && (net.count || e.msg[0] == '\0'))
        abort();
    net_release(&net);
    bag_release(&bag);
    arc_zip_close(zip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_with_file(data, size, ".pth", read_zip);
    return 0;
}

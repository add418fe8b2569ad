#include "engine/engine.h"
#include "engine/weights/weights.h"

enum err_code eng_convert(const char *path, const struct eng_opts *opts, const char *out,
                          bool force, struct err *e)
{
    struct net net = {0};
    struct weights_opts reading = {.arch = opts->arch, .head = opts->head};
    enum eng_precision precision = opts->precision;
    char hash[33];
    enum err_code rc;
    TRY(weights_open(path, &reading, &net, e));
    TRY(weights_settle_precision(path, net.precision, &precision, e));
    TRY(net_fold(&net, e));
    TRY(weights_hash(path, &net, opts->head, hash, e));
    net.precision = precision;
    rc = weights_native_write(&net, hash, out, force, e);
out:
    net_release(&net);
    return rc;
}

#include "engine/engine.h"
#include "engine/weights/weights.h"

enum err_code eng_convert(const char *path, const struct eng_opts *opts, const char *out,
                          bool force, struct err *e)
{
    struct net net = {0};
    struct weights_opts reading = {.arch = opts->arch, .head = opts->head};
    char hash[33];
    enum err_code rc;
    if (opts->precision != ENG_FLOAT32 && opts->precision != ENG_BF16)
        return err_set(e, ERR_UNSUPPORTED,
                       "%s: %s needs calibration, expected float32 or bf16", out,
                       eng_precision_name(opts->precision));
    TRY(weights_open(path, &reading, &net, e));
    TRY(net_fold(&net, e));
    TRY(weights_hash(path, &net, opts->head, hash, e));
    net.precision = opts->precision;
    rc = weights_native_write(&net, hash, out, force, e);
out:
    net_release(&net);
    return rc;
}

#include "engine/exec/model.h"
#include "engine/weights/weights.h"

#include <stdio.h>

enum err_code eng_model_open(const char *path, const struct eng_opts *opts,
                             struct eng_model **out, struct err *e)
{
    enum err_code rc;
    struct net net = {0};
    struct weights_opts reading = {.arch = opts->arch, .head = opts->head};
    struct eng_opts running = *opts;
    char hash[33];
    TRY(weights_open(path, &reading, &net, e));
    TRY(weights_settle_precision(path, net.precision, &running.precision, e));
    TRY(weights_hash(path, &net, opts->head, hash, e));
    TRY(eng_model_from_net(&net, path, &running, out, e));
    snprintf((*out)->info.hash, sizeof hash, "%s", hash);
out:
    net_release(&net);
    return rc;
}

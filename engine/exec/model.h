#ifndef ENG_MODEL_H
#define ENG_MODEL_H

// What is behind struct eng_model.

#include "engine/engine.h"
#include "engine/plan/plan.h"

struct eng_model {
    struct plan plan;
    struct eng_info info;
    struct eng_layer *layers;
    char *path;
};

// Folds and packs a checked net; it is taken, on failure too. path is for messages and
// info; info.hash stays empty.
enum err_code eng_model_from_net(struct net *net, const char *path,
                                 const struct eng_opts *opts, struct eng_model **out,
                                 struct err *e) MUST_CHECK;

#endif

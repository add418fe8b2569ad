#ifndef ENG_MODEL_ARCH_ROW_H
#define ENG_MODEL_ARCH_ROW_H

// A row of arch.def and the family that builds it. Inside of engine/model only.

#include "engine/model/arch_layer.h"

struct arch_family {
    const char *probe; // a tensor that no other family has
    const struct arch_dialect *dialect;
    // Blocks in the entry and the middle flow, by the names in the bag.
    void (*survey)(const struct arch_ctx *c, int *entry, int *middle);
    void (*build)(struct arch_ctx *c);
};

extern const struct arch_family arch_timm_legacy, arch_keras_legacy, arch_timm_aligned,
    arch_timm_preact, arch_ppcls, arch_ppcls_deeplab;

struct arch_row {
    const char *name, *publisher;
    const struct arch_family *family;
    const char *strides; // of the entry blocks, a digit each
    int middle;          // blocks of the middle flow
    double epsilon;
    double crop_pct;
    double params_m, work_g; // as published
};

// All rows of arch.def.
const struct arch_row *arch_rows(int *count);

// Name, publisher and crop_pct of a row into the net.
void arch_describe(struct net *net, const struct arch_row *row);

#endif

// The Xception of the paper as Keras and timm's "xception" have it. Both number the same
// blocks: timm 1 to 12 and then two separables on their own, Keras 2 to 14.

#include "engine/model/arch_row.h"

enum { ENTRY = 3, EXIT = 12, LAST = 13 };

// Separable i (from 1) of block b in timm's numbering. timm's blocks are lists in which
// the activations count as well; block 1 has no leading one.
static int separable(struct arch_ctx *c, int x, int b, int i)
{
    const char *dw, *pw, *bn;
    int place = 3 * (i - 1) + (b > 1);
    if (c->dialect->hwio) {
        dw = pw = arch_name(c, "block%d_sepconv%d", b + 1, i);
        bn = arch_name(c, "block%d_sepconv%d_bn", b + 1, i);
    } else if (b == LAST) {
        dw = arch_name(c, "conv%d.conv1", i + 2);
        pw = arch_name(c, "conv%d.pointwise", i + 2);
        bn = arch_name(c, "bn%d", i + 2);
    } else {
        dw = arch_name(c, "block%d.rep.%d.conv1", b, place);
        pw = arch_name(c, "block%d.rep.%d.pointwise", b, place);
        bn = arch_name(c, "block%d.rep.%d", b, place + 1);
    }
    x = arch_depthwise(c, x, dw, 1, 1);
    return arch_bn(c, arch_pointwise(c, x, pw), bn);
}

// Keras numbers its shortcuts on their own: conv2d, conv2d_1, …
static int shortcut(struct arch_ctx *c, int x, int b)
{
    const char *conv, *bn;
    int k = b == EXIT ? ENTRY : b - 1;
    if (c->dialect->hwio) {
        conv = k ? arch_name(c, "conv2d_%d", k) : "conv2d";
        bn = k ? arch_name(c, "batch_normalization_%d", k) : "batch_normalization";
    } else {
        conv = arch_name(c, "block%d.skip", b);
        bn = arch_name(c, "block%d.skipbn", b);
    }
    return arch_bn(c, arch_conv1x1(c, x, conv, 2), bn);
}

static int block(struct arch_ctx *c, int x, int b)
{
    bool strided = b <= ENTRY || b == EXIT;
    int y = x, separables = strided ? 2 : 3;
    for (int i = 1; i <= separables; i++) {
        if (b > 1 || i > 1)
            y = arch_relu(c, y);
        y = separable(c, y, b, i);
    }
    if (strided)
        y = arch_maxpool(c, y, 2);
    const char *name = arch_name(c, "block%d", c->dialect->hwio ? b + 1 : b);
    return arch_add(c, y, strided ? shortcut(c, x, b) : x, name);
}

static int stem(struct arch_ctx *c, int x, int i, int stride)
{
    bool keras = c->dialect->hwio;
    const char *conv = arch_name(c, keras ? "block1_conv%d" : "conv%d", i);
    const char *bn = arch_name(c, keras ? "block1_conv%d_bn" : "bn%d", i);
    return arch_relu(c, arch_bn(c, arch_conv3x3(c, x, conv, stride, 0), bn));
}

static void build(struct arch_ctx *c)
{
    int x = stem(c, stem(c, 0, 1, 2), 2, 1);
    for (int b = 1; b <= ENTRY + c->middle; b++)
        x = block(c, x, b);
    x = block(c, x, EXIT);
    for (int i = 1; i <= 2; i++)
        x = arch_relu(c, separable(c, x, LAST, i));
    // Checkpoints of the time before timm call the classifier last_linear.
    arch_head(c, x,
              c->dialect->hwio             ? "predictions"
              : arch_has(c, "last_linear") ? "last_linear"
                                           : "fc");
}

static void survey(const struct arch_ctx *c, int *entry, int *middle)
{
    *entry = ENTRY;
    *middle = 0;
    while (ENTRY + *middle + 1 < EXIT &&
           (c->dialect->hwio ? arch_has(c, "block%d_sepconv", ENTRY + *middle + 2)
                             : arch_has(c, "block%d.", ENTRY + *middle + 1)))
        ++*middle;
}

const struct arch_family arch_timm_legacy = {
    .probe = "block1.rep.0.conv1.weight",
    .dialect = &arch_torch,
    .survey = survey,
    .build = build,
};

const struct arch_family arch_keras_legacy = {
    .probe = "block1_conv1/kernel",
    .dialect = &arch_keras,
    .survey = survey,
    .build = build,
};

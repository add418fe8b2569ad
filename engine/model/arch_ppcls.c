// PaddleClas' Xception (41, 65, 71) and its DeepLab relatives (41_deeplab, 65_deeplab).

#include "engine/model/arch_row.h"

#include <stdio.h>

static int conv_bn(struct arch_ctx *c, int x, const char *layer, int stride)
{
    x = arch_conv3x3(c, x, arch_name(c, "%s._conv", layer), stride, 1);
    return arch_relu(c, arch_bn(c, x, arch_name(c, "%s._batch_norm", layer)));
}

// Unlike everybody else's: first the pointwise, then the depthwise on its output.
static int separable(struct arch_ctx *c, int x, const char *layer)
{
    x = arch_pointwise(c, x, arch_name(c, "%s._pointwise_conv._conv", layer));
    x = arch_bn(c, x, arch_name(c, "%s._pointwise_conv._batch_norm", layer));
    x = arch_depthwise(c, x, arch_name(c, "%s._depthwise_conv._conv", layer), 1, 1);
    return arch_bn(c, x, arch_name(c, "%s._depthwise_conv._batch_norm", layer));
}

// Pools with stride 1 too; the shortcut has no batch norm.
static int pooled_block(struct arch_ctx *c, int x, const char *block,
                        const char *const parts[2], int stride, bool leading_relu)
{
    int y = leading_relu ? arch_relu(c, x) : x;
    y = separable(c, y, arch_name(c, "%s.%s", block, parts[0]));
    y = arch_relu(c, y);
    y = separable(c, y, arch_name(c, "%s.%s", block, parts[1]));
    y = arch_maxpool(c, y, stride);
    int skip = arch_conv1x1(c, x, arch_name(c, "%s._short", block), stride);
    return arch_add(c, y, skip, block);
}

static void build_ppcls(struct arch_ctx *c)
{
    static const char *const in_entry[] = {"_conv1", "_conv2"};
    static const char *const in_exit[] = {"_conv_1", "_conv_2"};
    char block[ARCH_NAME_MAX];
    int x = conv_bn(c, conv_bn(c, 0, "_entry_flow._conv1", 2), "_entry_flow._conv2", 1);
    for (int b = 0; b < c->entry; b++) {
        (void)snprintf(block, sizeof block, "_entry_flow._conv_%d", b);
        x = pooled_block(c, x, block, in_entry, arch_stride(c, b), b > 0);
    }
    for (int b = 0; b < c->middle; b++) {
        int y = x;
        (void)snprintf(block, sizeof block, "_middle_flow._conv_%d", b);
        for (int i = 0; i < 3; i++)
            y = separable(c, arch_relu(c, y), arch_name(c, "%s._conv_%d", block, i));
        x = arch_add(c, y, x, block);
    }
    x = pooled_block(c, x, "_exit_flow._conv_0", in_exit, 2, true);
    x = arch_relu(c, separable(c, x, "_exit_flow._conv_1"));
    x = arch_relu(c, separable(c, x, "_exit_flow._conv_2"));
    arch_head(c, x, "_exit_flow._out");
}

static int survey_flow(const struct arch_ctx *c, const char *flow)
{
    int b = 0;
    while (arch_has(c, "%s_conv_%d.", flow, b))
        b++;
    return b;
}

static void survey_ppcls(const struct arch_ctx *c, int *entry, int *middle)
{
    *entry = survey_flow(c, "_entry_flow.");
    *middle = survey_flow(c, "_middle_flow.");
}

// What tells the blocks of the DeepLab models apart.
struct deeplab_block {
    int stride, dilation;
    bool shortcut; // conv1x1 + batch norm, else identity
    bool last;     // no shortcut at all, and rectified inside of each separable
};

static int deeplab_block(struct arch_ctx *c, int x, const char *name,
                         struct deeplab_block block)
{
    int y = x;
    for (int i = 1; i <= 3; i++) {
        const char *conv = arch_name(c, "%s._conv%d", name, i);
        if (!block.last)
            y = arch_relu(c, y);
        y = arch_depthwise(c, y, arch_name(c, "%s._conv1", conv),
                           i == 3 ? block.stride : 1, block.dilation);
        y = arch_bn(c, y, arch_name(c, "%s._bn1", conv));
        if (block.last)
            y = arch_relu(c, y);
        y = arch_pointwise(c, y, arch_name(c, "%s._conv2", conv));
        y = arch_bn(c, y, arch_name(c, "%s._bn2", conv));
        if (block.last)
            y = arch_relu(c, y);
    }
    if (block.last)
        return y;
    if (block.shortcut) {
        x = arch_conv1x1(c, x, arch_name(c, "%s._short._conv", name), block.stride);
        x = arch_bn(c, x, arch_name(c, "%s._short._bn", name));
    }
    return arch_add(c, y, x, name);
}

// Everything but stem and exit flow bears the name of the model.
static const char *deeplab_root(const struct arch_ctx *c)
{
    return arch_has(c, "xception_65/") ? "xception_65" : "xception_41";
}

static int deeplab_stem(struct arch_ctx *c, int x, int i, int stride)
{
    x = arch_conv3x3(c, x, arch_name(c, "_conv%d._conv", i), stride, 1);
    return arch_relu(c, arch_bn(c, x, arch_name(c, "_conv%d._bn", i)));
}

static void build_deeplab(struct arch_ctx *c)
{
    const char *root = deeplab_root(c);
    char name[ARCH_NAME_MAX];
    int x = deeplab_stem(c, deeplab_stem(c, 0, 1, 2), 2, 1);
    for (int b = 0; b < c->entry; b++) {
        (void)snprintf(name, sizeof name, "%s/entry_flow/block%d", root, b + 1);
        x = deeplab_block(c, x, name,
                          (struct deeplab_block){arch_stride(c, b), 1, true, false});
    }
    for (int b = 0; b < c->middle; b++) {
        (void)snprintf(name, sizeof name, "%s/middle_flow/block%d", root, b + 1);
        x = deeplab_block(c, x, name, (struct deeplab_block){1, 1, false, false});
    }
    x = deeplab_block(c, x, "_exit_flow_1", (struct deeplab_block){2, 1, true, false});
    x = deeplab_block(c, x, "_exit_flow_2", (struct deeplab_block){1, 2, false, true});
    // PaddlePaddle's dropout "downscale_in_infer" halves what it was trained on.
    arch_head(c, arch_scale(c, x, 0.5F), "_fc");
}

static void survey_deeplab(const struct arch_ctx *c, int *entry, int *middle)
{
    const char *root = deeplab_root(c);
    *entry = *middle = 0;
    while (arch_has(c, "%s/entry_flow/block%d.", root, *entry + 1))
        ++*entry;
    while (arch_has(c, "%s/middle_flow/block%d.", root, *middle + 1))
        ++*middle;
}

const struct arch_family arch_ppcls = {
    .probe = "_entry_flow._conv1._conv.weight",
    .dialect = &arch_paddle,
    .survey = survey_ppcls,
    .build = build_ppcls,
};

const struct arch_family arch_ppcls_deeplab = {
    .probe = "_exit_flow_1._conv1._conv1.weight",
    .dialect = &arch_paddle,
    .survey = survey_deeplab,
    .build = build_deeplab,
};

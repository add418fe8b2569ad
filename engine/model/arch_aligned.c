// The "aligned" Xception of DeepLab as timm has it (xception41, 65, 71): no pooling, the
// stride is on the third depthwise convolution of a block. And timm's pre-activation
// relatives (41p, 65p), whose shortcuts see the input after its batch norm and ReLU.

#include "engine/model/arch_row.h"

static int stem(struct arch_ctx *c, int x, int i, int stride)
{
    x = arch_conv3x3(c, x, arch_name(c, "stem.%d.conv", i), stride, 1);
    return arch_relu(c, arch_bn(c, x, arch_name(c, "stem.%d.bn", i)));
}

// A block with a shortcut rectifies in front of each separable, the last block of the
// network inside of them.
static int aligned_block(struct arch_ctx *c, int x, int b, int stride, bool last)
{
    int y = x;
    for (int i = 1; i <= 3; i++) {
        const char *conv = arch_name(c, "blocks.%d.stack.conv%d", b, i);
        if (!last)
            y = arch_relu(c, y);
        y = arch_depthwise(c, y, arch_name(c, "%s.conv_dw", conv), i == 3 ? stride : 1,
                           1);
        y = arch_bn(c, y, arch_name(c, "%s.bn_dw", conv));
        if (last)
            y = arch_relu(c, y);
        y = arch_pointwise(c, y, arch_name(c, "%s.conv_pw", conv));
        y = arch_bn(c, y, arch_name(c, "%s.bn_pw", conv));
        if (last)
            y = arch_relu(c, y);
    }
    if (last)
        return y;
    if (arch_has(c, "blocks.%d.shortcut", b)) {
        x = arch_conv1x1(c, x, arch_name(c, "blocks.%d.shortcut.conv", b), stride);
        x = arch_bn(c, x, arch_name(c, "blocks.%d.shortcut.bn", b));
    }
    return arch_add(c, y, x, arch_name(c, "blocks.%d", b));
}

// No batch norm between a depthwise and its pointwise nor behind the last pointwise.
static int preact_block(struct arch_ctx *c, int x, int b, int stride, bool last)
{
    x = arch_relu(c, arch_bn(c, x, arch_name(c, "blocks.%d.norm", b)));
    int y = x;
    for (int i = 1; i <= 3; i++) {
        const char *conv = arch_name(c, "blocks.%d.stack.conv%d", b, i);
        if (i > 1)
            y = arch_relu(c, arch_bn(c, y, arch_name(c, "%s.norm", conv)));
        y = arch_depthwise(c, y, arch_name(c, "%s.conv_dw", conv), i == 3 ? stride : 1,
                           1);
        y = arch_pointwise(c, y, arch_name(c, "%s.conv_pw", conv));
    }
    if (last)
        return y;
    if (arch_has(c, "blocks.%d.shortcut", b))
        x = arch_conv1x1(c, x, arch_name(c, "blocks.%d.shortcut", b), stride);
    return arch_add(c, y, x, arch_name(c, "blocks.%d", b));
}

typedef int block_fn(struct arch_ctx *c, int x, int b, int stride, bool last);

static int blocks(struct arch_ctx *c, int x, block_fn *block)
{
    bool last = false;
    for (int b = 0; !last; b++) {
        bool strided = arch_has(c, "blocks.%d.shortcut", b);
        last = !arch_has(c, "blocks.%d.", b + 1);
        int stride = b < c->entry ? arch_stride(c, b) : strided ? 2 : 1;
        x = block(c, x, b, stride, last);
    }
    return x;
}

static void build_aligned(struct arch_ctx *c)
{
    int x = stem(c, stem(c, 0, 0, 2), 1, 1);
    arch_head(c, blocks(c, x, aligned_block), "head.fc");
}

static void build_preact(struct arch_ctx *c)
{
    int x = arch_conv3x3(c, stem(c, 0, 0, 2), "stem.1", 1, 1);
    x = arch_relu(c, blocks(c, x, preact_block));
    arch_head(c, x, "head.fc");
}

// Entry blocks are those with a shortcut at the start; the last block of all and a
// strided one in front of it make the exit flow.
static void survey(const struct arch_ctx *c, int *entry, int *middle)
{
    int b = 0;
    while (arch_has(c, "blocks.%d.shortcut", b))
        b++;
    *entry = b;
    while (arch_has(c, "blocks.%d.", b + 1) && !arch_has(c, "blocks.%d.shortcut", b))
        b++;
    *middle = b - *entry;
}

const struct arch_family arch_timm_aligned = {
    .probe = "blocks.0.stack.conv1.bn_dw.weight",
    .dialect = &arch_torch,
    .survey = survey,
    .build = build_aligned,
};

const struct arch_family arch_timm_preact = {
    .probe = "blocks.0.norm.weight",
    .dialect = &arch_torch,
    .survey = survey,
    .build = build_preact,
};

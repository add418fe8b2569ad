#include "engine/model/arch.h"

#include "engine/model/arch_row.h"

#include <stdio.h>
#include <string.h>

// What of a net tells a family and its depth, whatever the layers are called and whether
// batch norm is folded.
struct signature {
    int dense, pointwise, depthwise, pools, adds, relus;
    bool stem_padded, dilated, uneven; // uneven: a pool pads one side more
};

static struct signature sign(const struct net *net)
{
    struct signature s = {0};
    for (int i = 0; i < net->count; i++) {
        const struct net_node *n = &net->nodes[i];
        bool one = n->kernel_h == 1 && n->kernel_w == 1;
        if (n->op == NET_CONV && !one && s.dense++ == 0)
            s.stem_padded = n->pad_top > 0;
        s.pointwise += n->op == NET_CONV && one;
        s.depthwise += n->op == NET_DEPTHWISE;
        s.dilated |= n->op == NET_DEPTHWISE && n->dilation > 1;
        s.pools += n->op == NET_MAXPOOL;
        s.uneven |= n->op == NET_MAXPOOL &&
                    (n->padding == NET_PAD_SAME || n->pad_top != n->pad_bottom ||
                     n->pad_left != n->pad_right);
        s.adds += n->op == NET_ADD;
        s.relus += n->op == NET_RELU;
    }
    return s;
}

// The family whose blocks these counts are, or NULL. A shortcut with a convolution stands
// in every entry block and in one of the exit flow.
static const struct arch_family *family_of(const struct signature *s, int entry,
                                           int middle)
{
    int blocks = entry + middle + 2;
    bool pooled = s->pools == entry + 1 && s->depthwise == 2 * entry + 3 * middle + 4;
    bool strided = s->pools == 0 && s->depthwise == 3 * blocks;
    if (s->dense != 2 || (!pooled && !strided))
        return NULL;
    if (pooled && s->stem_padded)
        return &arch_ppcls;
    if (pooled)
        return s->uneven ? &arch_keras_legacy : &arch_timm_legacy;
    if (s->relus == 3 * blocks + 2)
        return &arch_timm_preact;
    return s->dilated ? &arch_ppcls_deeplab : &arch_timm_aligned;
}

void arch_recognise(struct net *net)
{
    struct signature s = sign(net);
    int shortcuts = s.pointwise - s.depthwise, entry = shortcuts - 1;
    int middle = s.adds - shortcuts, count;
    const struct arch_family *family = family_of(&s, entry, middle);
    const struct arch_row *rows = arch_rows(&count);
    (void)snprintf(net->arch, sizeof net->arch, "other");
    (void)snprintf(net->publisher, sizeof net->publisher, "other");
    for (int i = 0; family && i < count; i++)
        if (rows[i].family == family && rows[i].middle == middle &&
            (int)strlen(rows[i].strides) == entry)
            arch_describe(net, &rows[i]);
}

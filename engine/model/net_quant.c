#include "engine/model/net.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS = 8, QUAD_MOST = 258, ZERO_MOST = 127 };

void net_quant_free(struct net_quant *quant)
{
    if (!quant)
        return;
    free(quant->in_scale);
    free(quant->in_zero);
    if (!quant->borrowed)
        free(quant->weight);
    free(quant->out_scale);
    free(quant);
}

int net_quant_wide_column(const int8_t *weight, int in, int out)
{
    for (int first = 0; first < in; first += ROWS)
        for (int j = 0; j < out; j++) {
            int sums[2] = {0}; // of rows 0, 1, 4, 5 and of 2, 3, 6, 7
            for (int k = first; k < in && k < first + ROWS; k++)
                sums[(k & 2) >> 1] += abs(weight[(ptrdiff_t)k * out + j]);
            if (sums[0] > QUAD_MOST || sums[1] > QUAD_MOST)
                return j;
        }
    return -1;
}

static int first_bad_scale(const float *scale, int n)
{
    for (int i = 0; i < n; i++)
        if (!(scale[i] > 0 && isfinite(scale[i])))
            return i;
    return -1;
}

static int first_bad_zero(const float *zero, int n)
{
    for (int i = 0; i < n; i++)
        if (!(zero[i] >= 0 && zero[i] <= ZERO_MOST && zero[i] == floorf(zero[i])))
            return i;
    return -1;
}

enum err_code net_quant_check(const struct net *net, int i, struct err *e)
{
    const struct net_node *n = &net->nodes[i];
    const struct net_quant *q = n->quant;
    if (n->op != NET_CONV || n->kernel_h != 1 || n->kernel_w != 1 || n->in[0] == 0 ||
        n->weight)
        return err_set(e, ERR_FORMAT,
                       "%s: has int8 weights, expected them at pointwise convolutions "
                       "behind the first layer only",
                       n->name);
    int in = net_in_channels(net, i), bad = first_bad_scale(q->in_scale, in);
    if (bad >= 0)
        return err_set(e, ERR_FORMAT, "%s: in_scale %d is %g, expected more than 0",
                       n->name, bad, (double)q->in_scale[bad]);
    if ((bad = first_bad_zero(q->in_zero, in)) >= 0)
        return err_set(e, ERR_FORMAT,
                       "%s: in_zero %d is %g, expected a whole number from 0 to %d",
                       n->name, bad, (double)q->in_zero[bad], ZERO_MOST);
    if ((bad = first_bad_scale(q->out_scale, n->channels)) >= 0)
        return err_set(e, ERR_FORMAT, "%s: out_scale %d is %g, expected more than 0",
                       n->name, bad, (double)q->out_scale[bad]);
    if ((bad = net_quant_wide_column(q->weight, in, n->channels)) >= 0)
        return err_set(
            e, ERR_FORMAT,
            "%s: weights of column %d are too large together, expected sums of "
            "up to %d of rows 0, 1, 4, 5 and of 2, 3, 6, 7 of each 8",
            n->name, bad, QUAD_MOST);
    return ERR_OK;
}

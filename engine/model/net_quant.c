#include "engine/model/net.h"

#include <math.h>
#include <stdlib.h>

enum { BLOCK = 8 };

const int net_quads[2][4] = {{0, 1, 4, 5}, {2, 3, 6, 7}};

void net_quant_free(struct net_quant *quant)
{
    if (!quant)
        return;
    free(quant->in_scale);
    free(quant->in_zero);
    free(quant->in_more);
    if (!quant->borrowed)
        free(quant->weight);
    free(quant->out_scale);
    free(quant);
}

int net_quant_wide_column(const int8_t *weight, int rows, int out)
{
    for (int first = 0; first < rows; first += BLOCK)
        for (int j = 0; j < out; j++) {
            int above[2] = {0}, below[2] = {0}; // of the two quads
            for (int k = first; k < rows && k < first + BLOCK; k++) {
                const int8_t w = weight[(ptrdiff_t)k * out + j];
                above[(k & 2) >> 1] += w > 0 ? w : 0;
                below[(k & 2) >> 1] -= w < 0 ? w : 0;
            }
            if (above[0] > NET_QUAD_MOST || above[1] > NET_QUAD_MOST ||
                below[0] > NET_QUAD_MOST || below[1] > NET_QUAD_MOST)
                return j;
        }
    return -1;
}

// Windows are read at stride 1, and their rows share bounds by blocks (kern.h), which
// channels must fill then.
bool net_quant_suits(const struct net *net, int i)
{
    const struct net_node *n = &net->nodes[i];
    if (n->op != NET_CONV || n->in[0] == 0)
        return false;
    if (n->kernel_h == 1 && n->kernel_w == 1)
        return true;
    return n->kernel_h == 3 && n->kernel_w == 3 && n->stride == 1 && n->dilation == 1 &&
           net_in_channels(net, i) % BLOCK == 0;
}

int net_quant_inputs(const struct net *net, int i)
{
    const struct net_node *n = &net->nodes[i];
    return n->kernel_h * n->kernel_w * net_in_channels(net, i);
}

int net_quant_row_count(const struct net *net, int i)
{
    return net_quant_inputs(net, i) + net->nodes[i].quant->more;
}

void net_quant_rows(const struct net_quant *quant, int in, int inputs,
                    struct net_row *rows)
{
    for (int k = 0; k < inputs; k++)
        rows[k] = (struct net_row){.channel = k % in, .input = k};
    for (int i = 0; i < quant->more; i++) {
        struct net_row *row = &rows[inputs + i];
        const int channel = (int)quant->in_more[i];
        *row = (struct net_row){channel, NET_ROW_MOST, channel};
        for (int j = 0; j < i; j++)
            row->from += rows[inputs + j].channel == channel ? NET_ROW_MOST : 0;
    }
}

float net_row_part(struct net_row row, float number)
{
    float part = number - (float)row.from;
    return part < 0 ? 0 : part > NET_ROW_MOST ? NET_ROW_MOST : part;
}

static int first_bad_scale(const float *scale, int n)
{
    for (int i = 0; i < n; i++)
        if (!(scale[i] > 0 && isfinite(scale[i])))
            return i;
    return -1;
}

// Rows of a channel; 0 when the list names it more often than it may.
static int count_rows(const struct net_quant *q, int channel)
{
    int rows = 1;
    for (int i = 0; i < q->more; i++)
        rows += (int)q->in_more[i] == channel;
    return rows <= NET_ROWS_A_CHANNEL ? rows : 0;
}

static enum err_code check_rows(const struct net_node *n, int in, struct err *e)
{
    const struct net_quant *q = n->quant;
    if (q->more && n->kernel_h * n->kernel_w > 1)
        return err_set(e, ERR_FORMAT,
                       "%s: has %d rows behind those of its channels, expected them at "
                       "pointwise convolutions only",
                       n->name, q->more);
    if (q->more && (q->more % BLOCK || in % BLOCK))
        return err_set(e, ERR_FORMAT,
                       "%s: has %d rows behind those of its %d channels, expected blocks "
                       "of %d",
                       n->name, q->more, in, BLOCK);
    for (int i = 0; i < q->more; i++)
        if (!(q->in_more[i] >= 0 && q->in_more[i] < (float)in &&
              q->in_more[i] == floorf(q->in_more[i])))
            return err_set(e, ERR_FORMAT,
                           "%s: in_more %d is %g, expected one of %d channels", n->name,
                           i, (double)q->in_more[i], in);
    for (int k = 0; k < in; k++) {
        int most = count_rows(q, k) * NET_ROW_MOST;
        if (most == 0)
            return err_set(e, ERR_FORMAT, "%s: channel %d has more than %d rows", n->name,
                           k, NET_ROWS_A_CHANNEL);
        float zero = q->in_zero[k];
        if (!(zero >= 0 && zero <= (float)most && zero == floorf(zero)))
            return err_set(e, ERR_FORMAT,
                           "%s: in_zero %d is %g, expected a whole number from 0 to %d",
                           n->name, k, (double)zero, most);
    }
    return ERR_OK;
}

enum err_code net_quant_check(const struct net *net, int i, struct err *e)
{
    const struct net_node *n = &net->nodes[i];
    const struct net_quant *q = n->quant;
    if (!net_quant_suits(net, i) || n->weight)
        return err_set(
            e, ERR_FORMAT,
            "%s: has int8 weights, expected them behind the first layer only, at "
            "pointwise convolutions and 3x3 ones of whole blocks of %d channels "
            "at stride 1",
            n->name, BLOCK);
    int in = net_in_channels(net, i), bad = first_bad_scale(q->in_scale, in);
    if (bad >= 0)
        return err_set(e, ERR_FORMAT, "%s: in_scale %d is %g, expected more than 0",
                       n->name, bad, (double)q->in_scale[bad]);
    enum err_code rc = check_rows(n, in, e);
    if (rc != ERR_OK)
        return rc;
    if ((bad = first_bad_scale(q->out_scale, n->channels)) >= 0)
        return err_set(e, ERR_FORMAT, "%s: out_scale %d is %g, expected more than 0",
                       n->name, bad, (double)q->out_scale[bad]);
    if ((bad = net_quant_wide_column(q->weight, net_quant_row_count(net, i),
                                     n->channels)) >= 0)
        return err_set(
            e, ERR_FORMAT,
            "%s: weights of column %d are too large together, expected sums of "
            "up to %d of one sign in rows 0, 1, 4, 5 and 2, 3, 6, 7 of each 8",
            n->name, bad, NET_QUAD_MOST);
    return ERR_OK;
}

#include "engine/quant/calib.h"

#include "engine/exec/model.h"
#include "engine/quant/column.h"
#include "engine/quant/threshold.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

// What is known of a layer's inputs, channel by channel.
struct inputs {
    struct code *codes;
    struct moments *moments;
    double *spread; // variance of the whole numbers
};

static enum err_code check_layer(const struct eng_calib *c, const struct calib_layer *l,
                                 struct err *e)
{
    const char *name = c->net.nodes[l->node].name;
    if (l->odd)
        return err_set(e, ERR_FORMAT,
                       "%s: %s: the calibration pictures give values that are no numbers",
                       c->model->path, name);
    if (histogram_count(&l->channels[0]) == 0)
        return err_set(e, ERR_FORMAT, "%s: %s: no calibration picture was run",
                       c->model->path, name);
    return ERR_OK;
}

static void code_inputs(const struct calib_layer *l, const struct eng_quant_opts *opts,
                        struct inputs *in)
{
    for (int k = 0; k < l->in; k++) {
        const struct histogram *h = &l->channels[k];
        struct range range = threshold_range(h, opts->method, opts->percentile);
        in->codes[k] = threshold_code(range);
        in->moments[k] = threshold_moments(h, in->codes[k]);
        in->spread[k] = in->moments[k].coded_spread;
    }
}

// A column of weights as the whole inputs see them.
static void scale_column(const struct calib_layer *l, const struct net_node *n,
                         const struct inputs *in, int j, double *w)
{
    for (int k = 0; k < l->in; k++)
        w[k] = (double)n->weight[(ptrdiff_t)k * l->out + j] / (double)in->codes[k].scale;
}

// The mean error over the calibration set goes into the bias.
static float correct_bias(const struct calib_layer *l, const struct net_node *n,
                          const struct inputs *in, const struct net_quant *q, int j)
{
    double bias = n->bias ? (double)n->bias[j] : 0, scale = (double)q->out_scale[j];
    for (int k = 0; k < l->in; k++) {
        ptrdiff_t at = (ptrdiff_t)k * l->out + j;
        bias += in->moments[k].mean * (double)n->weight[at] -
                in->moments[k].coded_mean * scale * q->weight[at];
    }
    return (float)bias;
}

static void quantize_columns(const struct calib_layer *l, const struct net_node *n,
                             const struct inputs *in, struct net_quant *q, float *bias)
{
    double *w = mem_new((size_t)l->in * sizeof *w);
    for (int j = 0; j < l->out; j++) {
        scale_column(l, n, in, j, w);
        q->out_scale[j] = column_quantize(w, in->spread, l->in, q->weight + j, l->out);
        bias[j] = correct_bias(l, n, in, q, j);
    }
    free(w);
    for (int k = 0; k < l->in; k++) {
        q->in_scale[k] = in->codes[k].scale;
        q->in_zero[k] = in->codes[k].zero;
    }
}

// ---- how good it is ----

static void add_scaled(double *sums, const float *row, double by, int n)
{
    for (int j = 0; j < n; j++)
        sums[j] += by * (double)row[j];
}

static void add_coded(double *sums, const int8_t *row, double by, int n)
{
    for (int j = 0; j < n; j++)
        sums[j] += by * row[j];
}

static double measure(const struct eng_calib *c, const struct calib_layer *l,
                      const struct net_quant *q, const float *bias)
{
    const struct net_node *n = &c->net.nodes[l->node];
    const float *x = c->sample.values[l->node];
    const int rows = c->sample.pictures * c->sample.rows;
    double *sums = mem_new(2 * (size_t)l->out * sizeof *sums), *coded = sums + l->out;
    double signal = 0, noise = 0;
    for (int r = 0; r < rows; r++, x += l->in) {
        for (int j = 0; j < 2 * l->out; j++)
            sums[j] = 0;
        for (int k = 0; k < l->in; k++) {
            float whole = nearbyintf(x[k] * q->in_scale[k] + q->in_zero[k]);
            whole = whole < 0 ? 0 : whole > 127 ? 127 : whole;
            add_scaled(sums, n->weight + (ptrdiff_t)k * l->out, (double)x[k], l->out);
            add_coded(coded, q->weight + (ptrdiff_t)k * l->out,
                      (double)(whole - q->in_zero[k]), l->out);
        }
        for (int j = 0; j < l->out; j++) {
            double y = sums[j] + (n->bias ? (double)n->bias[j] : 0);
            double d = coded[j] * (double)q->out_scale[j] + (double)bias[j] - y;
            signal += y * y;
            noise += d * d;
        }
    }
    free(sums);
    return 10 * log10(signal / noise);
}

enum err_code layer_quantize(const struct eng_calib *calib, int layer,
                             const struct eng_quant_opts *opts, struct net_quant **quant,
                             float **bias, double *sqnr, struct err *e)
{
    const struct calib_layer *l = &calib->layers[layer];
    const struct net_node *n = &calib->net.nodes[l->node];
    enum err_code rc = check_layer(calib, l, e);
    if (rc != ERR_OK)
        return rc;
    size_t in = (size_t)l->in, out = (size_t)l->out;
    struct inputs inputs = {.codes = mem_new(in * sizeof *inputs.codes),
                            .moments = mem_new(in * sizeof *inputs.moments),
                            .spread = mem_new(in * sizeof *inputs.spread)};
    struct net_quant *q = mem_new(sizeof *q);
    *q = (struct net_quant){.in_scale = mem_new(in * sizeof(float)),
                            .in_zero = mem_new(in * sizeof(float)),
                            .weight = mem_new(in * out),
                            .out_scale = mem_new(out * sizeof(float))};
    *bias = mem_new(out * sizeof **bias);
    code_inputs(l, opts, &inputs);
    quantize_columns(l, n, &inputs, q, *bias);
    *sqnr = measure(calib, l, q, *bias);
    *quant = q;
    free(inputs.codes);
    free(inputs.moments);
    free(inputs.spread);
    return ERR_OK;
}

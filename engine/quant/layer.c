#include "engine/quant/calib.h"

#include "engine/exec/model.h"
#include "engine/quant/channel.h"
#include "engine/quant/column.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

// Scales of inputs and of weights depend on each other. Measured on Keras' Xception,
// November 2026: a third time changes nothing.
enum { ROUNDS = 3 };

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

// A channel that was 0 in all pictures gets the range of the others, in case that it
// wakes: its weights must not outgrow theirs.
static void find_ranges(const struct calib_layer *l, const struct eng_quant_opts *opts,
                        struct range *ranges)
{
    double sum = 0;
    int awake = 0;
    for (int k = 0; k < l->in; k++) {
        ranges[k] = threshold_range(&l->channels[k], opts->method, opts->percentile);
        double extent = ranges[k].high - ranges[k].low;
        sum += extent;
        awake += extent > 0;
    }
    double mean = awake ? sum / awake : 0;
    for (int k = 0; k < l->in; k++)
        if (!(ranges[k].high - ranges[k].low > 0))
            ranges[k] = (struct range){-mean / 2, mean / 2};
}

static void open_channels(const struct calib_layer *l, const struct net_node *n,
                          const struct eng_quant_opts *opts, struct channel *in)
{
    struct range *ranges = mem_new((size_t)l->in * sizeof *ranges);
    find_ranges(l, opts, ranges);
    for (int k = 0; k < l->in; k++) {
        const float *row = n->weight + (ptrdiff_t)k * l->out;
        double weights = 0;
        for (int j = 0; j < l->out; j++)
            weights += (double)row[j] * (double)row[j];
        channel_init(&in[k], &l->channels[k], ranges[k], weights);
    }
    free(ranges);
}

static void code_channels(const struct calib_layer *l, const struct net_quant *q,
                          struct channel *in)
{
    double scales = 0;
    for (int j = 0; j < l->out; j++)
        scales += (double)q->out_scale[j] * (double)q->out_scale[j];
    for (int k = 0; k < l->in; k++) {
        channel_code(&in[k], scales);
        q->in_scale[k] = in[k].code.scale;
        q->in_zero[k] = in[k].code.zero;
    }
}

// The mean error over the calibration set goes into the bias.
static float correct_bias(const struct calib_layer *l, const struct net_node *n,
                          const struct channel *in, const struct net_quant *q, int j)
{
    double bias = n->bias ? (double)n->bias[j] : 0, scale = (double)q->out_scale[j];
    for (int k = 0; k < l->in; k++) {
        ptrdiff_t at = (ptrdiff_t)k * l->out + j;
        bias += in[k].moments.mean * (double)n->weight[at] -
                in[k].moments.coded_mean * scale * q->weight[at];
    }
    return (float)bias;
}

static void quantize_columns(const struct calib_layer *l, const struct net_node *n,
                             const struct channel *in, struct net_quant *q, float *bias)
{
    double *w = mem_new(2 * (size_t)l->in * sizeof *w), *spread = w + l->in;
    for (int j = 0; j < l->out; j++) {
        for (int k = 0; k < l->in; k++) { // as the whole numbers see them
            w[k] =
                (double)n->weight[(ptrdiff_t)k * l->out + j] / (double)in[k].code.scale;
            spread[k] = in[k].moments.coded_spread;
        }
        q->out_scale[j] = column_quantize(w, spread, l->in, q->weight + j, l->out);
        bias[j] = correct_bias(l, n, in, q, j);
    }
    free(w);
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
    struct channel *channels = mem_new(in * sizeof *channels);
    struct net_quant *q = mem_new(sizeof *q);
    *q = (struct net_quant){.in_scale = mem_new(in * sizeof(float)),
                            .in_zero = mem_new(in * sizeof(float)),
                            .weight = mem_new(in * out),
                            .out_scale = mem_new(out * sizeof(float))};
    *bias = mem_new(out * sizeof **bias);
    open_channels(l, n, opts, channels);
    for (int round = 0; round < ROUNDS; round++) {
        code_channels(l, q, channels);
        quantize_columns(l, n, channels, q, *bias);
    }
    *sqnr = measure(calib, l, q, *bias);
    *quant = q;
    free(channels);
    return ERR_OK;
}

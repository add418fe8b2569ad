#include "engine/quant/calib.h"

#include "engine/exec/model.h"
#include "engine/quant/channel.h"
#include "engine/quant/column.h"
#include "engine/quant/descend.h"
#include "engine/quant/rows.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

// Scales of inputs and of weights depend on each other. Measured on Keras' Xception,
// November 2026: a third time changes nothing.
enum { ROUNDS = 3 };

// Rounding differs from pixel to pixel and averages out, clipping takes from one feature
// wherever it is strong. In the last layers, where features are nearly classes, that
// counts: measured there, it lowers the noise of the logits by a tenth; in all layers it
// raises it as much.
static const double LAST_ROUNDING = 0.125;

// Of a whole number, from rounding. It holds weights of rows in place that no or few
// pixels reached.
static const double ROUNDING = 1.0 / 12;

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

static double weights_of(const struct calib_layer *l, const struct net_node *n, int k)
{
    double sum = 0;
    for (int i = k; i < l->inputs; i += l->in) {
        const float *row = n->weight + (ptrdiff_t)i * l->out;
        for (int j = 0; j < l->out; j++)
            sum += (double)row[j] * (double)row[j];
    }
    return sum;
}

// Channels that fill no whole blocks leave no place for rows behind them, nor do windows.
static int deal_rows(const struct calib_layer *l, const struct net_node *n,
                     double percent, int *rows)
{
    const bool none = l->in % KERN_BLOCK || l->inputs > l->in;
    const int most = none ? 0 : (int)lrint(l->in * percent / 100);
    double *sizes = mem_new((size_t)l->in * sizeof *sizes);
    for (int k = 0; k < l->in; k++)
        sizes[k] = (double)(l->channels[k].high - l->channels[k].low) *
                   sqrt(weights_of(l, n, k));
    int more = rows_deal(sizes, l->in, most, rows);
    free(sizes);
    return more;
}

static void open_channels(const struct calib_layer *l, const struct net_node *n,
                          const struct eng_quant_opts *opts, const int *rows,
                          struct channel *in)
{
    struct range *ranges = mem_new((size_t)l->in * sizeof *ranges);
    find_ranges(l, opts, ranges);
    for (int k = 0; k < l->in; k++)
        channel_init(&in[k], &l->channels[k], ranges[k], rows[k], weights_of(l, n, k),
                     l->last ? LAST_ROUNDING : 1);
    free(ranges);
}

static void code_channels(struct calib_layer *l, struct channel *in)
{
    struct net_quant *q = l->quant;
    double scales = 0;
    for (int j = 0; j < l->out; j++)
        scales += (double)q->out_scale[j] * (double)q->out_scale[j];
    for (int k = 0; k < l->in; k++) {
        channel_code(&in[k], scales);
        q->in_scale[k] = in[k].code.scale;
        q->in_zero[k] = in[k].code.zero;
    }
    for (int r = 0; r < l->row_count; r++) {
        int k = l->rows[r].channel;
        l->moments[r] = threshold_moments(&l->channels[k], in[k].code, l->rows[r].from);
    }
}

// A column of weights as the whole numbers see them.
static void take_column(const struct calib_layer *l, const struct net_node *n, int j,
                        double *w)
{
    for (int r = 0; r < l->row_count; r++) {
        const struct net_row *row = &l->rows[r];
        w[r] = (double)n->weight[(ptrdiff_t)row->input * l->out + j] /
               (double)l->quant->in_scale[row->channel];
    }
}

static void scale_columns(struct calib_layer *l, const struct net_node *n)
{
    struct net_quant *q = l->quant;
    const int rows = l->row_count;
    double *w = mem_new(2 * (size_t)rows * sizeof *w), *spread = w + rows;
    for (int r = 0; r < rows; r++)
        spread[r] = l->moments[r].coded_spread + ROUNDING;
    for (int j = 0; j < l->out; j++) {
        take_column(l, n, j, w);
        q->out_scale[j] = column_quantize(w, spread, rows, q->weight + j, l->out);
    }
    free(w);
}

static void settle(struct calib_layer *l, const struct net_node *n, const int *rows,
                   const struct eng_quant_opts *opts)
{
    struct channel *channels = mem_new((size_t)l->in * sizeof *channels);
    open_channels(l, n, opts, rows, channels);
    for (int round = 0; round < ROUNDS; round++) {
        code_channels(l, channels);
        scale_columns(l, n);
    }
    free(channels);
}

// For the numbers of a layer with so many rows.
static enum err_code make_room(struct calib_layer *l, int more, struct err *e)
{
    const size_t in = (size_t)l->in, out = (size_t)l->out,
                 rows = (size_t)(l->inputs + more);
    if (!gram_open(&l->gram, (int)rows))
        return err_set(e, ERR_NOMEM, "no memory for products of %zu rows", rows);
    l->quant = mem_new(sizeof *l->quant);
    *l->quant = (struct net_quant){.in_scale = mem_new(in * sizeof(float)),
                                   .in_zero = mem_new(in * sizeof(float)),
                                   .in_more = mem_new((size_t)more * sizeof(float)),
                                   .more = more,
                                   .weight = mem_new(rows * out),
                                   .out_scale = mem_new(out * sizeof(float))};
    l->row_count = (int)rows;
    l->rows = mem_new(rows * sizeof *l->rows);
    l->moments = mem_new(rows * sizeof *l->moments);
    return ERR_OK;
}

enum err_code layer_settle(struct eng_calib *calib, int layer,
                           const struct eng_quant_opts *opts, struct err *e)
{
    struct calib_layer *l = &calib->layers[layer];
    const struct net_node *n = &calib->net.nodes[l->node];
    enum err_code rc = check_layer(calib, l, e);
    if (rc != ERR_OK)
        return rc;
    int *rows = mem_new((size_t)l->in * sizeof *rows);
    const int more = deal_rows(l, n, opts->more_rows, rows);
    TRY(make_room(l, more, e));
    rows_place(rows, l->in, more, l->quant->in_more);
    net_quant_rows(l->quant, l->in, l->inputs, l->rows);
    settle(l, n, rows, opts);
out:
    free(rows);
    return rc;
}

// ---- weights ----

// The mean error over the calibration set goes into the bias.
static float correct_bias(const struct calib_layer *l, const struct net_node *n, int j)
{
    double bias = n->bias ? (double)n->bias[j] : 0,
           scale = (double)l->quant->out_scale[j];
    for (int k = 0; k < l->inputs; k++)
        bias += l->moments[k].mean * (double)n->weight[(ptrdiff_t)k * l->out + j];
    for (int r = 0; r < l->row_count; r++)
        bias -= l->moments[r].coded_mean * scale *
                l->quant->weight[(ptrdiff_t)r * l->out + j];
    return (float)bias;
}

static void round_columns(struct calib_layer *l, const struct net_node *n,
                          const float *covariance, float *bias)
{
    struct net_quant *q = l->quant;
    double *w = mem_new((size_t)l->row_count * sizeof *w);
    for (int j = 0; j < l->out; j++) {
        take_column(l, n, j, w);
        q->out_scale[j] = descend_column(w, covariance, l->row_count, q->out_scale[j],
                                         q->weight + j, l->out);
        bias[j] = correct_bias(l, n, j);
    }
    free(w);
}

// What few pixels say of how rows go together is chance in part: the more rows, the more.
// Off the diagonal it counts as much less (shrinkage, as Ledoit and Wolf have it).
static void regularize(float *covariance, size_t rows, int pixels)
{
    const float keep = (float)pixels / (float)((size_t)pixels + rows);
    for (size_t r = 0; r < rows; r++) {
        for (size_t k = 0; k < rows; k++)
            covariance[r * rows + k] *= k == r ? 1 : keep;
        covariance[r * rows + r] += (float)ROUNDING;
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

void layer_code(const struct calib_layer *l, int row, float x, int *number, int *zero)
{
    const struct net_row r = l->rows[row];
    const float z = l->quant->in_zero[r.channel];
    *number = (int)net_row_part(r, nearbyintf(x * l->quant->in_scale[r.channel] + z));
    *zero = (int)net_row_part(r, z);
}

static double measure(const struct eng_calib *c, const struct calib_layer *l,
                      const float *bias)
{
    const struct net_node *n = &c->net.nodes[l->node];
    const struct net_quant *q = l->quant;
    const float *x = c->sample.values[l->node];
    const int pixels = c->sample.pictures * c->sample.rows;
    double *sums = mem_new(2 * (size_t)l->out * sizeof *sums), *coded = sums + l->out;
    double signal = 0, noise = 0;
    for (int p = 0; p < pixels; p++, x += l->inputs) {
        for (int j = 0; j < 2 * l->out; j++)
            sums[j] = 0;
        for (int k = 0; k < l->inputs; k++)
            add_scaled(sums, n->weight + (ptrdiff_t)k * l->out, (double)x[k], l->out);
        for (int r = 0; r < l->row_count; r++) {
            int number, zero;
            layer_code(l, r, x[l->rows[r].input], &number, &zero);
            add_coded(coded, q->weight + (ptrdiff_t)r * l->out, number - zero, l->out);
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

enum err_code layer_quantize(struct eng_calib *calib, int layer, struct net_quant **quant,
                             float **bias, double *sqnr, struct err *e)
{
    struct calib_layer *l = &calib->layers[layer];
    const struct net_node *n = &calib->net.nodes[l->node];
    const size_t rows = (size_t)l->row_count;
    if (l->gram.pixels == 0)
        return err_set(e, ERR_FORMAT,
                       "%s: %s: no calibration picture was run a second time",
                       calib->model->path, n->name);
    float *covariance = mem_array(rows * rows, sizeof *covariance);
    if (!covariance)
        return err_set(e, ERR_NOMEM, "no memory for covariances of %zu rows", rows);
    gram_covariance(&l->gram, covariance);
    regularize(covariance, rows, l->gram.pixels);
    gram_release(&l->gram);
    *bias = mem_new((size_t)l->out * sizeof **bias);
    round_columns(l, n, covariance, *bias);
    free(covariance);
    *sqnr = measure(calib, l, *bias);
    *quant = l->quant;
    l->quant = NULL;
    return ERR_OK;
}

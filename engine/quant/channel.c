#include "engine/quant/channel.h"

#include "engine/model/net.h"

#include <float.h>
#include <math.h>

static double extent(const struct range *range)
{
    return range->high - range->low;
}

// Rounding is tried on the values themselves: where most are near zero, far from a
// uniform distribution, step² / 12 says nothing.
static void note_range(struct channel *c, int i)
{
    const struct histogram *h = c->values;
    const struct code code = threshold_code(c->ranges[i], c->most);
    const double scale = (double)code.scale, zero = (double)code.zero;
    double count = h->zeros, sum = 0, square = 0, clipped = 0, rounded = 0;
    for (int b = 0; b < HISTOGRAM_BINS; b++) {
        if (!h->bins[b])
            continue;
        double n = h->bins[b], x = histogram_value(h, b), y = x * scale + zero;
        double inside = y < 0 ? 0 : y > c->most ? c->most : y;
        double q = (double)(int)(inside + 0.5);
        clipped += n * (y - inside) * (y - inside);
        rounded += n * (inside - q) * (inside - q);
        q -= zero;
        count += n;
        sum += n * q;
        square += n * q * q;
    }
    double mean = sum / count, bin = histogram_value(h, 1) - histogram_value(h, 0);
    rounded = rounded / count / (scale * scale) + bin * bin / 12 * (1 - h->zeros / count);
    c->error[i] = clipped / count / (scale * scale) + c->rounding * rounded;
    c->variance[i] = square / count - mean * mean;
}

void channel_init(struct channel *c, const struct histogram *values, struct range range,
                  int rows, double weights, double rounding)
{
    *c = (struct channel){.values = values,
                          .most = rows * NET_ROW_MOST,
                          .weights = weights,
                          .rounding = rounding};
    for (int i = 0; i < CHANNEL_TRIED; i++) {
        double by = pow(1.25, CHANNEL_WIDER - i);
        c->ranges[i] = (struct range){range.low * by, range.high * by};
        note_range(c, i);
    }
}

// What a range brings into the sum of all outputs' squared errors: its values' errors,
// and those of its weights, rounded to the columns' scales. Numbers of several rows vary
// more, but every row has a share of that and is rounded for itself.
static double noise(const struct channel *c, int i, double scales)
{
    const double rows = (double)c->most / NET_ROW_MOST;
    return c->weights * c->error[i] + c->variance[i] / rows * scales / 12;
}

void channel_code(struct channel *c, double scales)
{
    int best = CHANNEL_WIDER;
    double least = DBL_MAX;
    for (int i = 0; i < CHANNEL_TRIED && scales > 0 && extent(&c->ranges[i]) > 0; i++) {
        double tried = noise(c, i, scales);
        if (tried < least) {
            least = tried;
            best = i;
        }
    }
    c->code = threshold_code(c->ranges[best], c->most);
}

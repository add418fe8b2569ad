#include "engine/quant/threshold.h"

#include "engine/model/net.h"

#include <float.h>
#include <math.h>
#include <stddef.h>

enum { LEVELS = NET_ROW_MOST };

// ---- percentile and maximum ----

static struct range percentile_range(const struct histogram *h, double percentile)
{
    double tail = 1 - percentile / 100;
    return (struct range){histogram_reach(h, tail, false),
                          histogram_reach(h, tail, true)};
}

// ---- Kullback–Leibler ----

enum { KL_STEPS = 40, KL_LEAST = 12 };

// Of the distribution, clipped to `first` … `last` with what lies outside added to the
// end bins, from itself when each level's share is spread evenly over those of its bins
// that are not empty. As TensorRT does it, for both signs.
static double divergence(const double *p, int first, int last)
{
    const int bins = last - first;
    double total = 0, sum = 0, outside[2] = {0};
    for (int i = 0; i < HISTOGRAM_BINS; i++) {
        total += p[i];
        if (i < first || i >= last)
            outside[i >= last] += p[i];
    }
    for (int level = 0; level < LEVELS + 1; level++) {
        int from = first + (int)((long)bins * level / (LEVELS + 1));
        int to = first + (int)((long)bins * (level + 1) / (LEVELS + 1));
        double share = 0, filled = 0;
        for (int i = from; i < to; i++) {
            share += p[i];
            filled += p[i] > 0;
        }
        for (int i = from; i < to; i++) {
            double mine =
                p[i] + (i == first ? outside[0] : 0) + (i == last - 1 ? outside[1] : 0);
            if (mine > 0) // an empty end bin that gets the rest has no level of its own
                sum += mine / total *
                       log(mine / (p[i] > 0 ? share / filled : DBL_EPSILON * total));
        }
    }
    return sum;
}

static struct range kl_range(const struct histogram *h)
{
    enum { HALF = HISTOGRAM_BINS / 2 };
    double p[HISTOGRAM_BINS];
    for (int i = 0; i < HISTOGRAM_BINS; i++)
        p[i] = h->bins[i];
    p[HALF] += h->zeros;
    const struct range all = {(double)h->low, (double)h->high};
    struct range best = all;
    double least = DBL_MAX;
    for (int step = KL_LEAST; step <= KL_STEPS; step++) {
        double part = (double)step / KL_STEPS;
        struct range range = {all.low * part, all.high * part};
        int first = HALF + (int)floor(range.low / (double)h->limit * HALF);
        int last = HALF + (int)ceil(range.high / (double)h->limit * HALF);
        if (last - first < LEVELS + 1)
            continue;
        double d = divergence(p, first, last < HISTOGRAM_BINS ? last : HISTOGRAM_BINS);
        if (d < least) {
            least = d;
            best = range;
        }
    }
    return best;
}

struct range threshold_range(const struct histogram *h, enum eng_calib_method method,
                             double percentile)
{
    if (h->limit == 0)
        return (struct range){0, 0};
    if (method == ENG_CALIB_PERCENTILE)
        return percentile_range(h, percentile);
    if (method == ENG_CALIB_KL)
        return kl_range(h);
    return (struct range){(double)h->low, (double)h->high};
}

// ---- codes ----

struct code threshold_code(struct range range, int most)
{
    double extent = range.high - range.low;
    if (!(extent >= (double)FLT_MIN))
        return (struct code){1, 0};
    // Rounding the zero moves both ends by half a step at most.
    float scale = (float)(most / extent);
    return (struct code){scale, (float)nearbyint(-range.low * (double)scale)};
}

struct moments threshold_moments(const struct histogram *h, struct code code, int from)
{
    const struct net_row row = {.from = from};
    const double zero = (double)net_row_part(row, code.zero);
    double count = h->zeros, sum = 0, coded = 0, square = 0;
    for (int i = 0; i < HISTOGRAM_BINS; i++) {
        if (!h->bins[i])
            continue;
        double n = h->bins[i], x = histogram_value(h, i);
        float number = (float)nearbyint(x * (double)code.scale + (double)code.zero);
        double q = (double)net_row_part(row, number) - zero;
        count += n;
        sum += n * x;
        coded += n * q;
        square += n * q * q;
    }
    if (count == 0)
        return (struct moments){0};
    double mean = coded / count;
    return (struct moments){sum / count, mean, square / count - mean * mean};
}

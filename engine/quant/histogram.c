#include "engine/quant/histogram.h"

#include "engine/kern/kern.h"

#include <math.h>

enum { HALF = HISTOGRAM_BINS / 2, LEAST_EXPONENT = -60 };

static void halve_resolution(struct histogram *h)
{
    uint32_t *up = h->bins + HALF, *down = h->bins + HALF - 1;
    for (int i = 0; i < HALF; i++) {
        bool there = i < HALF / 2;
        up[i] = there ? up[2 * i] + up[2 * i + 1] : 0;
        down[-i] = there ? down[-2 * i] + down[-2 * i - 1] : 0;
    }
}

static void reach(struct histogram *h, float magnitude)
{
    int exponent;
    (void)frexpf(magnitude, &exponent); // magnitude < 2^exponent
    float limit = ldexpf(1, exponent < LEAST_EXPONENT ? LEAST_EXPONENT : exponent);
    if (h->limit == 0)
        h->limit = limit;
    while (h->limit < limit) {
        halve_resolution(h);
        h->limit *= 2;
    }
}

// The ends of eight channels' values; false when one is not finite.
static bool find_ends(const float *src, int rows, float *low, float *high)
{
    float odd = 0;
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < KERN_BLOCK; k++) {
            float x = src[r * KERN_BLOCK + k];
            odd += x * 0; // NaN unless x is finite
            low[k] = x < low[k] ? x : low[k];
            high[k] = x > high[k] ? x : high[k];
        }
    return odd == 0;
}

bool histogram_add(struct histogram *of, const float *src, int rows)
{
    float low[KERN_BLOCK] = {0}, high[KERN_BLOCK] = {0}, scale[KERN_BLOCK];
    if (!find_ends(src, rows, low, high))
        return false;
    for (int k = 0; k < KERN_BLOCK; k++) {
        struct histogram *h = &of[k];
        float most = high[k] > -low[k] ? high[k] : -low[k];
        h->low = low[k] < h->low ? low[k] : h->low;
        h->high = high[k] > h->high ? high[k] : h->high;
        if (most > 0 && most >= h->limit)
            reach(h, most);
        scale[k] = h->limit > 0 ? HALF / h->limit : 0;
    }
    for (int r = 0; r < rows; r++)
        for (int k = 0; k < KERN_BLOCK; k++) {
            float x = src[r * KERN_BLOCK + k];
            if (x == 0)
                of[k].zeros++;
            else // scaling by a power of two is exact: no value changes its bin
                of[k].bins[HALF + (int)(x * scale[k]) - (x < 0)]++;
        }
    return true;
}

uint64_t histogram_count(const struct histogram *h)
{
    uint64_t count = h->zeros;
    for (int i = 0; i < HISTOGRAM_BINS; i++)
        count += h->bins[i];
    return count;
}

double histogram_value(const struct histogram *h, int bin)
{
    return ((double)bin + 0.5 - HALF) / HALF * (double)h->limit;
}

double histogram_reach(const struct histogram *h, double tail, bool upper)
{
    const double most = tail * (double)histogram_count(h);
    const double extreme = fabs((double)(upper ? h->high : h->low));
    double beyond = 0;
    for (int i = HALF - 1; i >= 0; i--) { // bins away from 0
        beyond += h->bins[upper ? HALF + i : HALF - 1 - i];
        if (beyond > most) {
            double end = (double)(i + 1) / HALF * (double)h->limit;
            end = end < extreme ? end : extreme;
            return upper ? end : -end;
        }
    }
    return 0;
}

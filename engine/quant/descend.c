#include "engine/quant/descend.h"

#include "engine/quant/column.h"

#include "engine/kern/kern.h"
#include "engine/model/net.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

// Measured on Keras' Xception, November 2026: the error falls to 0.62 of that of rounding
// in the first sweep, then 0.56, 0.54 and 0.53.
enum { SWEEPS = 4 };

struct descent {
    const float *covariance;
    int n;
    float *gradient; // covariance · (w − scale · q)
    float *whole;    // covariance · w
    float *q;
    float scale;
};

static void start(struct descent *d, const double *w, const int8_t *q, int stride)
{
    const int n = d->n;
    for (int k = 0; k < n; k++)
        d->whole[k] = d->gradient[k] = 0;
    for (int k = 0; k < n; k++) {
        const float *row = d->covariance + (ptrdiff_t)k * n;
        const float value = (float)w[k];
        d->q[k] = q[(ptrdiff_t)k * stride];
        const float error = value - d->scale * d->q[k];
        for (int j = 0; j < n; j++) {
            d->whole[j] += value * row[j];
            d->gradient[j] += error * row[j];
        }
    }
}

struct room {
    float low, high;
};

// What weight k may be beside the others of its quad.
static struct room room_of(const struct descent *d, int k)
{
    const int first = k / KERN_BLOCK * KERN_BLOCK, *quad = net_quads[(k & 2) >> 1];
    struct room r = {-NET_QUAD_MOST, NET_QUAD_MOST};
    for (int i = 0; i < 4; i++) {
        const int other = first + quad[i];
        if (other == k || other >= d->n)
            continue;
        const float q = d->q[other];
        r.low -= q < 0 ? q : 0;
        r.high -= q > 0 ? q : 0;
    }
    r.low = r.low > -COLUMN_WEIGHT_MOST ? r.low : -COLUMN_WEIGHT_MOST;
    r.high = r.high < COLUMN_WEIGHT_MOST ? r.high : COLUMN_WEIGHT_MOST;
    return r;
}

static void sweep(struct descent *d)
{
    for (int k = 0; k < d->n; k++) {
        const float *row = d->covariance + (ptrdiff_t)k * d->n;
        if (!(row[k] > 0)) // an input that never moves
            continue;
        const struct room room = room_of(d, k);
        float q = nearbyintf(d->q[k] + d->gradient[k] / (row[k] * d->scale));
        q = q > room.high ? room.high : q < room.low ? room.low : q;
        const float change = (q - d->q[k]) * d->scale;
        d->q[k] = q;
        for (int j = 0; change != 0 && j < d->n; j++)
            d->gradient[j] -= change * row[j];
    }
}

// The least error over all scales: qᵀCw / qᵀCq.
static void fit_scale(struct descent *d)
{
    double above = 0, below = 0;
    for (int k = 0; k < d->n; k++) {
        above += (double)d->q[k] * (double)d->whole[k];
        below += (double)d->q[k] * (double)(d->whole[k] - d->gradient[k]);
    }
    const float by = (float)(above / below); // of the scale
    if (!(by > 0.5F && by < 2))
        return;
    for (int k = 0; k < d->n; k++)
        d->gradient[k] = d->whole[k] - by * (d->whole[k] - d->gradient[k]);
    d->scale *= by;
}

float descend_column(const double *w, const float *covariance, int n, float scale,
                     int8_t *q, int stride)
{
    float *room_for = mem_new(3 * (size_t)n * sizeof *room_for);
    struct descent d = {covariance, n, room_for, room_for + n, room_for + 2 * n, scale};
    start(&d, w, q, stride);
    for (int i = 0; i < SWEEPS; i++) {
        sweep(&d);
        fit_scale(&d);
    }
    for (int k = 0; k < n; k++)
        q[(ptrdiff_t)k * stride] = (int8_t)d.q[k];
    free(room_for);
    return d.scale;
}

#include "engine/quant/column.h"

#include "engine/kern/kern.h"
#include "engine/model/net.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 24 };

static double larger(double a, double b)
{
    return a > b ? a : b;
}

// The scale at which nothing of a quad of a block's rows is clipped.
static double quad_scale(const double *w, int rows, const int quad[4])
{
    double most = 0, above = 0, below = 0;
    for (int i = 0; i < 4; i++) {
        double x = quad[i] < rows ? w[quad[i]] : 0;
        most = larger(most, fabs(x) / COLUMN_WEIGHT_MOST);
        above += x > 0 ? x / NET_QUAD_MOST : 0;
        below -= x < 0 ? x / NET_QUAD_MOST : 0;
    }
    return larger(most, larger(above, below));
}

static double whole_scale(const double *w, int n)
{
    double most = 0;
    for (int first = 0; first < n; first += KERN_BLOCK)
        for (int half = 0; half < 2; half++)
            most = larger(most, quad_scale(w + first, n - first, net_quads[half]));
    return most;
}

static double cost(double w, double spread, double scale, int q)
{
    double d = w - scale * q;
    return spread * d * d;
}

// Takes ones off the quad's weights of one sign where that costs the least until they
// keep their bound.
static void shrink_quad(const double *w, const double *spread, double scale, int n,
                        const int quad[4], int sign, int *q)
{
    int sum = 0;
    for (int i = 0; i < 4; i++)
        sum += quad[i] < n && q[quad[i]] * sign > 0 ? q[quad[i]] * sign : 0;
    for (; sum > NET_QUAD_MOST; sum--) {
        int best = -1;
        double least = DBL_MAX;
        for (int i = 0; i < 4; i++) {
            int k = quad[i];
            if (k >= n || q[k] * sign <= 0)
                continue;
            double more = cost(w[k], spread[k], scale, q[k] - sign) -
                          cost(w[k], spread[k], scale, q[k]);
            if (best < 0 || more < least) {
                least = more;
                best = k;
            }
        }
        q[best] -= sign;
    }
}

// Rounds 8 rows at a scale; returns their error.
static double round_block(const double *w, const double *spread, double scale, int n,
                          int q[KERN_BLOCK])
{
    double error = 0;
    for (int k = 0; k < n; k++) {
        double x = nearbyint(w[k] / scale);
        q[k] = (int)(x > COLUMN_WEIGHT_MOST    ? COLUMN_WEIGHT_MOST
                     : x < -COLUMN_WEIGHT_MOST ? -COLUMN_WEIGHT_MOST
                                               : x);
    }
    for (int half = 0; half < 2; half++)
        for (int sign = -1; sign <= 1; sign += 2)
            shrink_quad(w, spread, scale, n, net_quads[half], sign, q);
    for (int k = 0; k < n; k++)
        error += cost(w[k], spread[k], scale, q[k]);
    return error;
}

static double round_column(const double *w, const double *spread, double scale, int n,
                           int8_t *out, int stride)
{
    double error = 0;
    for (int first = 0; first < n; first += KERN_BLOCK) {
        int q[KERN_BLOCK], rows = n - first < KERN_BLOCK ? n - first : KERN_BLOCK;
        error += round_block(w + first, spread + first, scale, rows, q);
        for (int k = 0; out && k < rows; k++)
            out[(ptrdiff_t)(first + k) * stride] = (int8_t)q[k];
    }
    return error;
}

float column_quantize(const double *w, const double *spread, int n, int8_t *q, int stride)
{
    double whole = whole_scale(w, n), least = DBL_MAX;
    float best = 1;
    if (!(whole >= (double)FLT_MIN)) {
        for (int k = 0; k < n; k++)
            q[(ptrdiff_t)k * stride] = 0;
        return best;
    }
    // Clipping the few largest weights leaves finer steps for the rest.
    for (int i = 0; i < TRIES; i++) {
        float scale = (float)(whole * pow(0.94, i));
        double error = round_column(w, spread, (double)scale, n, NULL, 0);
        if (error < least) {
            least = error;
            best = scale;
        } else if (error > 2 * least) {
            break; // it only grows from here on
        }
    }
    (void)round_column(w, spread, (double)best, n, q, stride);
    return best;
}

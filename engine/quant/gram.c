#include "engine/quant/gram.h"

#include "base/mem.h"

#include <stddef.h>
#include <stdlib.h>

static size_t row_start(size_t k)
{
    return k * (k + 1) / 2;
}

bool gram_open(struct gram *g, int channels)
{
    const size_t n = (size_t)channels;
    *g = (struct gram){.channels = channels};
    g->sums = mem_array(n, sizeof *g->sums);
    g->products = mem_array(row_start(n), sizeof *g->products);
    if (g->sums && g->products)
        return true;
    gram_release(g);
    return false;
}

void gram_release(struct gram *g)
{
    free(g->sums);
    free(g->products);
    *g = (struct gram){0};
}

// Two products of 7 bits fit into 16, of which a register holds twice as many.
static int pair(const int16_t *a, const int16_t *b, int by_a, int by_b)
{
    return (int16_t)(by_a * *a + by_b * *b);
}

// Products of channel k and those up to it.
static void add_products(int32_t *restrict sums, const int16_t *restrict rows,
                         ptrdiff_t channels, int k)
{
    const int16_t *r[GRAM_ROWS];
    int by[GRAM_ROWS];
    for (int i = 0; i < GRAM_ROWS; i++) {
        r[i] = rows + i * channels;
        by[i] = r[i][k];
    }
    for (int j = 0; j <= k; j++)
        sums[j] += pair(r[0] + j, r[1] + j, by[0], by[1]) +
                   pair(r[2] + j, r[3] + j, by[2], by[3]) +
                   pair(r[4] + j, r[5] + j, by[4], by[5]) +
                   pair(r[6] + j, r[7] + j, by[6], by[7]);
}

void gram_add(struct gram *g, const int16_t *rows, int count)
{
    for (int k = 0; k < g->channels; k++) {
        for (int i = 0; i < count; i++)
            g->sums[k] += rows[(ptrdiff_t)i * g->channels + k];
        add_products(g->products + row_start((size_t)k), rows, g->channels, k);
    }
    g->pixels += count;
}

void gram_covariance(const struct gram *g, float *covariance)
{
    const size_t n = (size_t)g->channels;
    const double count = g->pixels;
    for (size_t k = 0; k < n; k++)
        for (size_t j = 0; j <= k; j++) {
            double sum = g->products[row_start(k) + j];
            float c = (float)((sum - (double)g->sums[k] * g->sums[j] / count) / count);
            covariance[k * n + j] = covariance[j * n + k] = c;
        }
}

// Pillow's resampling of 8-bit pictures, to the byte: a horizontal pass over the rows
// that the vertical pass needs, each with weights in fixed point of 22 bits, rounded and
// clipped to 8 bits in between (Resample.c and ScaleAffine in Geometry.c of Pillow).

#include "dataset/prep/resample.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    PRECISION = 32 - 8 - 2,
    HALF = 1 << (PRECISION - 1),
};

// For each output pixel the run of input pixels that it is made of.
struct taps {
    int stride; // weights kept for a pixel
    int *first, *count;
    int32_t *weight;
};

static void taps_release(struct taps *taps)
{
    free(taps->first);
    free(taps->count);
    free(taps->weight);
}

static double triangle(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

static double cubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2)
        return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
}

// Weights of one output pixel whose centre lies at `center` of the input; the order of
// floating-point operations is Pillow's.
static void weigh(struct taps *taps, int i, double center, double scale,
                  double (*filter)(double), double *scratch)
{
    int32_t *weight = taps->weight + (size_t)i * (size_t)taps->stride;
    double sum = 0, inverse = 1 / scale;
    for (int k = 0; k < taps->count[i]; k++) {
        scratch[k] = filter((k + taps->first[i] - center + 0.5) * inverse);
        sum += scratch[k];
    }
    for (int k = 0; k < taps->count[i]; k++) {
        double value = sum != 0 ? scratch[k] / sum : scratch[k];
        value *= 1 << PRECISION;
        weight[k] = (int32_t)(value < 0 ? value - 0.5 : value + 0.5);
    }
}

// Taps of the output pixels from … from+n-1 when `in` pixels become `out`.
static enum err_code taps_init(struct taps *taps, enum ds_filter filter, int in, int out,
                               int from, int n, struct err *e)
{
    bool is_cubic = filter == DS_BICUBIC;
    double ratio = (double)in / out, scale = ratio < 1 ? 1 : ratio;
    double support = (is_cubic ? 2 : 1) * scale;
    size_t stride = (size_t)ceil(support) * 2 + 1, count = (size_t)n, weights;
    double *scratch = mem_array(stride, sizeof *scratch);
    *taps = (struct taps){.stride = (int)stride};
    taps->first = mem_array(count, sizeof *taps->first);
    taps->count = mem_array(count, sizeof *taps->count);
    if (mem_mul(count, stride, &weights))
        taps->weight = mem_array(weights, sizeof *taps->weight);
    if (!scratch || !taps->first || !taps->count || !taps->weight) {
        free(scratch);
        (void)err_set(e, ERR_NOMEM, "no memory to resize %d pixels to %d", in, out);
        return ERR_NOMEM;
    }
    for (int i = 0; i < n; i++) {
        double center = (from + i + 0.5) * ratio;
        int first = (int)(center - support + 0.5), end = (int)(center + support + 0.5);
        taps->first[i] = first < 0 ? 0 : first;
        taps->count[i] = (end > in ? in : end) - taps->first[i];
        weigh(taps, i, center, scale, is_cubic ? cubic : triangle, scratch);
    }
    free(scratch);
    return ERR_OK;
}

static inline uint8_t clip(int32_t sum)
{
    int32_t value = sum >> PRECISION;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static void pass_row(const uint8_t *restrict src, const struct taps *taps, int width,
                     uint8_t *restrict dst)
{
    for (int x = 0; x < width; x++, dst += 3) {
        const int32_t *weight = taps->weight + (size_t)x * (size_t)taps->stride;
        const uint8_t *from = src + (size_t)taps->first[x] * 3;
        int32_t r = HALF, g = HALF, b = HALF;
        for (int k = 0; k < taps->count[x]; k++, from += 3) {
            r += from[0] * weight[k];
            g += from[1] * weight[k];
            b += from[2] * weight[k];
        }
        dst[0] = clip(r);
        dst[1] = clip(g);
        dst[2] = clip(b);
    }
}

static void add_row(const uint8_t *restrict src, int32_t weight, size_t n,
                    int32_t *restrict sum)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += src[i] * weight;
}

static void clip_row(const int32_t *restrict sum, size_t n, uint8_t *restrict dst)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = clip(sum[i]);
}

// `rows` holds the input rows from taps->first[0] on.
static void pass_columns(const uint8_t *rows, const struct taps *taps, int height,
                         size_t stride, int32_t *sum, uint8_t *dst)
{
    for (int y = 0; y < height; y++, dst += stride) {
        const int32_t *weight = taps->weight + (size_t)y * (size_t)taps->stride;
        const uint8_t *from = rows + (size_t)(taps->first[y] - taps->first[0]) * stride;
        for (size_t i = 0; i < stride; i++)
            sum[i] = HALF;
        for (int k = 0; k < taps->count[y]; k++, from += stride)
            add_row(from, weight[k], stride, sum);
        clip_row(sum, stride, dst);
    }
}

static enum err_code convolve(const struct ds_image *src, enum ds_filter filter,
                              const struct window *window, uint8_t *dst, struct err *e)
{
    struct taps across = {0}, down = {0};
    uint8_t *rows = NULL;
    int32_t *sum = NULL;
    enum err_code rc = ERR_OK;
    TRY(taps_init(&across, filter, src->width, window->full_width, window->x,
                  window->width, e));
    TRY(taps_init(&down, filter, src->height, window->full_height, window->y,
                  window->height, e));
    int last = window->height - 1;
    size_t first = (size_t)down.first[0], stride = (size_t)window->width * 3;
    size_t count = (size_t)(down.first[last] + down.count[last]) - first;
    sum = mem_array(stride, sizeof *sum);
    rows = mem_array(count, stride);
    if (!sum || !rows) {
        rc = err_set(e, ERR_NOMEM, "no memory to resize to %d×%d", window->width,
                     window->height);
        goto out;
    }
    for (size_t y = 0; y < count; y++)
        pass_row(src->rgb + (first + y) * (size_t)src->width * 3, &across, window->width,
                 rows + y * stride);
    pass_columns(rows, &down, window->height, stride, sum, dst);
out:
    taps_release(&across);
    taps_release(&down);
    free(rows);
    free(sum);
    return rc;
}

// Input pixel of each output pixel from … from+n-1. Pillow adds the step up instead of
// multiplying, so the sum is made from the very first pixel.
static void nearest_positions(int in, int out, int from, int n, int *position)
{
    double step = (double)in / out, at = step * 0.5;
    for (int i = 0; i < from + n; i++) {
        if (i >= from)
            position[i - from] = at < in ? (int)at : in - 1;
        at += step;
    }
}

static enum err_code nearest(const struct ds_image *src, const struct window *window,
                             uint8_t *dst, struct err *e)
{
    int *columns = mem_array((size_t)window->width, sizeof *columns);
    int *lines = mem_array((size_t)window->height, sizeof *lines);
    enum err_code rc = ERR_OK;
    if (!columns || !lines) {
        rc = err_set(e, ERR_NOMEM, "no memory to resize to %d×%d", window->width,
                     window->height);
        goto out;
    }
    nearest_positions(src->width, window->full_width, window->x, window->width, columns);
    nearest_positions(src->height, window->full_height, window->y, window->height, lines);
    for (int y = 0; y < window->height; y++) {
        const uint8_t *row = src->rgb + (size_t)lines[y] * (size_t)src->width * 3;
        for (int x = 0; x < window->width; x++, dst += 3)
            memcpy(dst, row + (size_t)columns[x] * 3, 3);
    }
out:
    free(columns);
    free(lines);
    return rc;
}

enum err_code resample_pillow(const struct ds_image *src, enum ds_filter filter,
                              const struct window *window, uint8_t *dst, struct err *e)
{
    return filter == DS_NEAREST ? nearest(src, window, dst, e)
                                : convolve(src, filter, window, dst, e);
}

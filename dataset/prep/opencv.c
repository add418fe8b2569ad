// OpenCV's INTER_LINEAR on 8-bit pictures, to the byte: no antialiasing, weights in fixed
// point of 11 bits, and the rounding of its vertical pass (resize.cpp of OpenCV 4 and 5).

#include "dataset/prep/resample.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

enum { COEF_BITS = 11, COEF_ONE = 1 << COEF_BITS };

// Between input pixels `at` and `next`: at * (ONE - part) + next * part.
struct tap {
    int at, next;
    int keep, part; // fixed point; their sum may miss ONE by rounding
};

static struct tap tap_of(int in, int out, int i)
{
    double ratio = 1 / ((double)out / in);
    float position = (float)((i + 0.5) * ratio - 0.5);
    int at = (int)floorf(position);
    float part = position - (float)at;
    return (struct tap){at, at + 1, (int)rintf((1.0F - part) * COEF_ONE),
                        (int)rintf(part * COEF_ONE)};
}

// Across, a position outside the picture takes the border pixel alone.
static struct tap tap_across(int in, int out, int i)
{
    struct tap tap = tap_of(in, out, i);
    if (tap.at >= 0 && tap.next < in)
        return tap;
    int border = tap.at < 0 ? 0 : in - 1;
    return (struct tap){border, border, COEF_ONE, 0};
}

// Down, both rows are moved inside and the weights stay.
static struct tap tap_down(int in, int out, int i)
{
    struct tap tap = tap_of(in, out, i);
    tap.at = tap.at < 0 ? 0 : tap.at < in ? tap.at : in - 1;
    tap.next = tap.next < 0 ? 0 : tap.next < in ? tap.next : in - 1;
    return tap;
}

static void pass_row(const uint8_t *src, const struct tap *taps, int width, int *dst)
{
    for (int x = 0; x < width; x++, dst += 3) {
        const uint8_t *at = src + 3 * (size_t)taps[x].at;
        const uint8_t *next = src + 3 * (size_t)taps[x].next;
        for (int c = 0; c < 3; c++)
            dst[c] = at[c] * taps[x].keep + next[c] * taps[x].part;
    }
}

static void join_rows(const int *restrict upper, const int *restrict lower,
                      struct tap tap, size_t n, uint8_t *restrict dst)
{
    for (size_t i = 0; i < n; i++) {
        int sum = (tap.keep * (upper[i] >> 4) >> 16) + (tap.part * (lower[i] >> 4) >> 16);
        dst[i] = (uint8_t)((sum + 2) >> 2);
    }
}

// Exactly half size is averaged over 2 × 2 pixels instead.
static void halve(const struct ds_image *src, const struct window *window, uint8_t *dst)
{
    size_t stride = (size_t)src->width * 3;
    for (int y = 0; y < window->height; y++) {
        const uint8_t *row = src->rgb + 2 * (size_t)(window->y + y) * stride;
        for (int x = 0; x < window->width; x++)
            for (int c = 0; c < 3; c++, dst++) {
                const uint8_t *p = row + 6 * (size_t)(window->x + x) + c;
                *dst = (uint8_t)((p[0] + p[3] + p[stride] + p[stride + 3] + 2) >> 2);
            }
    }
}

// Rows of the picture after the horizontal pass, the last two asked for.
struct row_cache {
    const struct ds_image *src;
    const struct tap *taps;
    int width;
    int line[2];
    int *row[2];
};

static const int *cached_row(struct row_cache *cache, int line)
{
    int slot = line & 1;
    if (cache->line[slot] != line) {
        cache->line[slot] = line;
        pass_row(cache->src->rgb + (size_t)line * (size_t)cache->src->width * 3,
                 cache->taps, cache->width, cache->row[slot]);
    }
    return cache->row[slot];
}

enum err_code resample_opencv(const struct ds_image *src, const struct window *window,
                              uint8_t *dst, struct err *e)
{
    if (src->width == 2 * window->full_width && src->height == 2 * window->full_height) {
        halve(src, window, dst);
        return ERR_OK;
    }
    size_t width = (size_t)window->width, stride = width * 3;
    struct tap *taps = mem_array(width, sizeof *taps);
    int *rows = mem_array(2 * stride, sizeof *rows);
    enum err_code rc = ERR_OK;
    if (!taps || !rows) {
        rc = err_set(e, ERR_NOMEM, "no memory to resize to %d×%d", window->width,
                     window->height);
        goto out;
    }
    for (int x = 0; x < window->width; x++)
        taps[x] = tap_across(src->width, window->full_width, window->x + x);
    struct row_cache cache = {src, taps, window->width, {-1, -1}, {rows, rows + stride}};
    for (int y = 0; y < window->height; y++, dst += stride) {
        struct tap tap = tap_down(src->height, window->full_height, window->y + y);
        const int *upper = cached_row(&cache, tap.at);
        join_rows(upper, cached_row(&cache, tap.next), tap, stride, dst);
    }
out:
    free(taps);
    free(rows);
    return rc;
}

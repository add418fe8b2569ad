#include "engine/exec/exec.h"

#include <string.h>

struct exec_share exec_share(int n, int member, int members)
{
    return (struct exec_share){(int)((long)n * member / members),
                               (int)((long)n * (member + 1) / members)};
}

struct exec_pixel exec_pixel_at(const struct window *w, int m)
{
    int pixels = w->out_h * w->out_w, rest = m % pixels;
    return (struct exec_pixel){m / pixels, rest / w->out_w, rest % w->out_w};
}

void exec_pixel_next(const struct window *w, struct exec_pixel *p)
{
    if (++p->x < w->out_w)
        return;
    p->x = 0;
    if (++p->y < w->out_h)
        return;
    p->y = 0;
    p->picture++;
}

// A row of the window's source, NULL outside.
static const float *row_of(const struct exec_source *src, int picture, int y)
{
    const struct window *w = src->window;
    if (y < 0 || y >= w->in_h)
        return NULL;
    ptrdiff_t row =
        w->ring ? (y - w->origin) % w->ring : (ptrdiff_t)picture * w->in_h + y;
    return src->start + row * w->in_w * w->in_channels;
}

static const float *pixel_of(const struct exec_source *src, const float *row, int x)
{
    if (!row || x < 0 || x >= src->window->in_w)
        return src->outside;
    return row + (ptrdiff_t)x * src->window->in_channels;
}

void exec_taps(const struct exec_source *src, struct exec_pixel at, const float **taps)
{
    const struct window *w = src->window;
    int y = at.y * w->stride - w->pad_top, x = at.x * w->stride - w->pad_left;
    for (int ky = 0; ky < w->kernel_h; ky++) {
        const float *row = row_of(src, at.picture, y + ky * w->dilation);
        for (int kx = 0; kx < w->kernel_w; kx++)
            *taps++ = pixel_of(src, row, x + kx * w->dilation);
    }
}

static void taps_of_pixels(const struct exec_source *src, int m, int pixels,
                           const float **taps)
{
    const struct window *w = src->window;
    struct exec_pixel at = exec_pixel_at(w, m);
    for (int p = 0; p < pixels; p++, exec_pixel_next(w, &at))
        exec_taps(src, at, taps + p * w->kernel_h * w->kernel_w);
}

void exec_columns(const struct exec_source *src, struct exec_pixel at, int columns,
                  const float **taps)
{
    const struct window *w = src->window;
    for (int ky = 0; ky < 3; ky++) {
        const float *row = row_of(src, at.picture, at.y - w->pad_top + ky);
        for (int c = 0; c < columns; c++)
            taps[3 * c + ky] = pixel_of(src, row, at.x - w->pad_left + c);
    }
}

void exec_depthwise(const struct exec *x, int step, const struct exec_member *me, int m,
                    int pixels, struct kern_dw_f32 k)
{
    const struct layout_step *l = &x->layout->steps[step];
    const struct window *w = &l->window;
    if (exec_slides(w)) {
        exec_slide(x, step, me, m, pixels,
                   (struct kern_dw3x3_f32){
                       .to = &(struct kern_piece){k.dst, k.dst_block, 0},
                       .dst_pixel = k.dst_pixel,
                       .weight = k.weight,
                       .bias = k.bias,
                       .element = k.element,
                       .blocks = k.blocks,
                       .relu_in = k.relu_in,
                       .relu_out = k.relu_out,
                   });
        return;
    }
    const struct exec_source src = {w, x->values + l->src, x->zeros};
    taps_of_pixels(&src, m, pixels, me->taps);
    k.in = me->taps;
    k.taps = w->kernel_h * w->kernel_w;
    k.pixels = pixels;
    x->plan->kern.dw_f32(&k);
}

// A row of the panel, and how far apart its blocks of k are.
struct panel_row {
    float *at;
    ptrdiff_t block;
};

// k runs over the window's rows, then colours, then columns, close together.
static void feed_pixel(const struct window *w, const float *planes, struct exec_pixel at,
                       struct panel_row to)
{
    const ptrdiff_t plane = (ptrdiff_t)w->in_h * w->in_w;
    const int x = at.x * w->stride - w->pad_left;
    int k = 0;
    for (int ky = 0; ky < w->kernel_h; ky++) {
        const int y = at.y * w->stride - w->pad_top + ky * w->dilation;
        for (int c = 0; c < 3; c++)
            for (int kx = x; kx < x + w->kernel_w * w->dilation; kx += w->dilation, k++) {
                bool inside = y >= 0 && y < w->in_h && kx >= 0 && kx < w->in_w;
                to.at[k / KERN_BLOCK * to.block + k % KERN_BLOCK] =
                    inside ? planes[c * plane + (ptrdiff_t)y * w->in_w + kx] : 0;
            }
    }
    for (; k % KERN_BLOCK; k++)
        to.at[k / KERN_BLOCK * to.block + k % KERN_BLOCK] = 0;
}

// The 27 values under a window of 3 × 3, and room for one that comes along.
enum { STEM_BLOCKS = 4, STEM_SIDE = 3, STEM_K = 27, STEM_COPIED = 4 };

// Neighbours in one row, three values of a row of a plane at a time, with a fourth that
// the next three replace: Xception's conv1 takes 0.68 ms for 0.79 with values one by one
// (Zen 4, 28 November 2026).
static void feed_run(const struct window *w, const float *planes, struct exec_pixel at,
                     int pixels, struct panel_row to)
{
    const ptrdiff_t plane = (ptrdiff_t)w->in_h * w->in_w;
    const float *corner = planes + (ptrdiff_t)(at.y * w->stride - w->pad_top) * w->in_w +
                          (at.x * w->stride - w->pad_left);
    float rows[KERN_ROWS_MAX][STEM_BLOCKS * KERN_BLOCK];
    for (int p = 0; p < pixels; p++, corner += w->stride) {
        float *row = rows[p];
#pragma GCC unroll 3
        for (ptrdiff_t ky = 0; ky < STEM_SIDE; ky++)
#pragma GCC unroll 3
            for (int c = 0; c < 3; c++, row += STEM_SIDE)
                memcpy(row, corner + c * plane + ky * w->in_w,
                       STEM_COPIED * sizeof(float));
        memset(row, 0, sizeof rows[p] - STEM_K * sizeof(float));
    }
    for (int p = 0; p < pixels; p++)
#pragma GCC unroll 4
        for (int b = 0; b < STEM_BLOCKS; b++)
            memcpy(to.at + b * to.block + p * KERN_BLOCK, rows[p] + b * KERN_BLOCK,
                   KERN_BLOCK * sizeof(float));
}

// How many of `most` pixels from here feed_run can take.
static int run_length(const struct window *w, struct exec_pixel at, int most)
{
    if (w->kernel_h != STEM_SIDE || w->kernel_w != STEM_SIDE || w->dilation != 1)
        return 0;
    const int y = at.y * w->stride - w->pad_top, x = at.x * w->stride - w->pad_left;
    const int room = w->in_w - STEM_COPIED - x;
    if (y < 0 || y + STEM_SIDE > w->in_h || x < 0 || room < 0)
        return 0;
    const int n = room / w->stride + 1;
    return n < most ? n : most;
}

static void feed_picture(const struct exec *x, int step, int m, int rows,
                         struct panel_row to)
{
    const struct window *w = &x->layout->steps[step].window;
    const ptrdiff_t picture = 3 * (ptrdiff_t)w->in_h * w->in_w;
    for (int r = 0, n; r < rows; r += n, to.at += n * KERN_BLOCK) {
        struct exec_pixel at = exec_pixel_at(w, m + r);
        const float *planes = x->input + at.picture * picture;
        n = run_length(w, at, rows - r);
        if (n > 0) {
            feed_run(w, planes, at, n, to);
        } else {
            feed_pixel(w, planes, at, to);
            n = 1;
        }
    }
}

void exec_gather(const struct exec *x, int step, const struct exec_member *me, int m,
                 int rows, enum kern_element element, void *panel)
{
    const struct plan_step *s = &x->plan->steps[step];
    const struct layout_step *l = &x->layout->steps[step];
    const struct window *w = &l->window;
    const struct exec_source src = {w, x->values + l->src, x->zeros};
    taps_of_pixels(&src, m, rows, me->taps);
    x->plan->kern.gather_f32(&(struct kern_gather_f32){.dst = panel,
                                                       .dst_pixel = KERN_BLOCK,
                                                       .dst_block = rows * KERN_BLOCK,
                                                       .in = me->taps,
                                                       .scale = s->feed_weight,
                                                       .shift = s->feed_bias,
                                                       .element = element,
                                                       .pixels = rows,
                                                       .taps = w->kernel_h * w->kernel_w,
                                                       .blocks = s->in_blocks,
                                                       .relu = s->relu_in});
}

static void feed(const struct exec *x, int step, const struct exec_member *me, int m,
                 int rows, enum kern_element element, void *panel)
{
    const struct plan_step *s = &x->plan->steps[step];
    if (s->feed == FEED_PICTURE) {
        feed_picture(x, step, m, rows,
                     (struct panel_row){panel, rows * (ptrdiff_t)KERN_BLOCK});
    } else if (s->feed == FEED_DEPTHWISE) {
        exec_depthwise(x, step, me, m, rows,
                       (struct kern_dw_f32){.dst = panel,
                                            .dst_pixel = KERN_BLOCK,
                                            .dst_block = rows * KERN_BLOCK,
                                            .weight = s->feed_weight,
                                            .bias = s->feed_bias,
                                            .element = element,
                                            .blocks = s->in_blocks,
                                            .relu_in = s->relu_in,
                                            .relu_out = s->relu_mid});
    } else {
        exec_gather(x, step, me, m, rows, element, panel);
    }
}

void exec_spread(const struct exec *x, const struct plan_step *s, int rows,
                 const uint16_t *codes, void *panel)
{
    x->plan->kern.spread_u8(
        &(struct kern_spread_u8){.dst = panel,
                                 .src = codes,
                                 .more = s->more,
                                 .blocks = s->in_blocks,
                                 .more_blocks = s->k_blocks - s->in_blocks,
                                 .pixels = rows});
}

void exec_feed(const struct exec *x, int step, const struct exec_member *me, int m,
               int rows, void *panel)
{
    const struct plan_step *s = &x->plan->steps[step];
    if (!s->more) {
        feed(x, step, me, m, rows, s->element, panel);
        return;
    }
    feed(x, step, me, m, rows, KERN_U12, me->codes);
    exec_spread(x, s, rows, me->codes, panel);
}

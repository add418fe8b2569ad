#include "engine/exec/exec.h"

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

static bool slides(const struct window *w)
{
    return w->kernel_h == 3 && w->kernel_w == 3 && w->stride == 1 && w->dilation == 1;
}

// Columns of three pointers under the windows of `pixels` neighbours in one row.
static void taps_of_columns(const struct exec_source *src, struct exec_pixel at,
                            int pixels, const float **taps)
{
    const struct window *w = src->window;
    for (int ky = 0; ky < 3; ky++) {
        const float *row = row_of(src, at.picture, at.y - w->pad_top + ky);
        for (int c = 0; c < pixels + 2; c++)
            taps[3 * c + ky] = pixel_of(src, row, at.x - w->pad_left + c);
    }
}

void exec_depthwise(const struct exec *x, int step, const struct exec_member *me, int m,
                    int pixels, struct kern_dw_f32 k)
{
    const struct layout_step *l = &x->layout->steps[step];
    const struct window *w = &l->window;
    const struct exec_source src = {w, x->values + l->src, x->zeros};
    const size_t element = kern_element_size(k.element);
    k.in = me->taps;
    k.taps = w->kernel_h * w->kernel_w;
    if (!slides(w)) {
        taps_of_pixels(&src, m, pixels, me->taps);
        k.pixels = pixels;
        x->plan->kern.dw_f32(&k);
        return;
    }
    for (int done = 0; done < pixels; done += k.pixels) {
        struct exec_pixel at = exec_pixel_at(w, m + done);
        int in_row = w->out_w - at.x;
        k.pixels = pixels - done < in_row ? pixels - done : in_row;
        taps_of_columns(&src, at, k.pixels, me->taps);
        x->plan->kern.dw3x3_f32(&k);
        k.dst = (char *)k.dst + k.pixels * k.dst_pixel * (ptrdiff_t)element;
    }
}

// Where the next value of a panel's row goes; rows go on in the next block of k.
struct pen {
    float *at;
    int filled;       // of the block
    ptrdiff_t behind; // from the end of this block to the next
};

static ALWAYS_INLINE void write_value(struct pen *pen, float value)
{
    *pen->at++ = value;
    if (++pen->filled == KERN_BLOCK) {
        pen->filled = 0;
        pen->at += pen->behind;
    }
}

// k runs over taps, then colours, close together.
static void feed_pixel(const struct window *w, const float *planes, struct exec_pixel at,
                       struct pen pen)
{
    const ptrdiff_t plane = (ptrdiff_t)w->in_h * w->in_w;
    for (int ky = 0; ky < w->kernel_h; ky++) {
        int y = at.y * w->stride - w->pad_top + ky * w->dilation;
        int x = at.x * w->stride - w->pad_left;
        for (int kx = 0; kx < w->kernel_w; kx++, x += w->dilation) {
            bool inside = y >= 0 && y < w->in_h && x >= 0 && x < w->in_w;
            const float *src = planes + (inside ? (ptrdiff_t)y * w->in_w + x : 0);
            for (int c = 0; c < 3; c++, src += plane)
                write_value(&pen, inside ? *src : 0);
        }
    }
    while (pen.filled)
        write_value(&pen, 0);
}

// Neighbours in one row whose windows lie inside the picture: one pointer for every k,
// which moves by the stride.
static void feed_run(const struct window *w, const float *planes, struct exec_pixel at,
                     int pixels, struct pen pen)
{
    const ptrdiff_t plane = (ptrdiff_t)w->in_h * w->in_w;
    const float *corner = planes + (ptrdiff_t)(at.y * w->stride - w->pad_top) * w->in_w +
                          (at.x * w->stride - w->pad_left);
    for (int ky = 0; ky < w->kernel_h; ky++)
        for (int kx = 0; kx < w->kernel_w; kx++)
            for (int c = 0; c < 3; c++) {
                const float *src = corner + c * plane +
                                   (ptrdiff_t)ky * w->dilation * w->in_w +
                                   (ptrdiff_t)kx * w->dilation;
                for (int p = 1; p < pixels; p++)
                    pen.at[p * KERN_BLOCK] = src[p * w->stride];
                write_value(&pen, *src);
            }
    while (pen.filled) {
        for (int p = 1; p < pixels; p++)
            pen.at[p * KERN_BLOCK] = 0;
        write_value(&pen, 0);
    }
}

// How many of `most` pixels from here feed_run can take.
static int run_length(const struct window *w, struct exec_pixel at, int most)
{
    int y = at.y * w->stride - w->pad_top, x = at.x * w->stride - w->pad_left;
    int last_y = y + (w->kernel_h - 1) * w->dilation;
    int room = w->in_w - 1 - (w->kernel_w - 1) * w->dilation - x;
    if (y < 0 || last_y >= w->in_h || x < 0 || room < 0)
        return 0;
    int n = room / w->stride + 1, in_row = w->out_w - at.x;
    n = n < in_row ? n : in_row;
    return n < most ? n : most;
}

static void feed_picture(const struct exec *x, int step, int m, int rows, float *panel)
{
    const struct window *w = &x->layout->steps[step].window;
    const ptrdiff_t picture = 3 * (ptrdiff_t)w->in_h * w->in_w;
    struct pen pen = {.behind = (rows - 1) * (ptrdiff_t)KERN_BLOCK};
    pen.at = panel;
    for (int r = 0, n; r < rows; r += n, pen.at += n * KERN_BLOCK) {
        struct exec_pixel at = exec_pixel_at(w, m + r);
        const float *planes = x->input + at.picture * picture;
        n = run_length(w, at, rows - r);
        if (n > 0) {
            feed_run(w, planes, at, n, pen);
        } else {
            feed_pixel(w, planes, at, pen);
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
        feed_picture(x, step, m, rows, panel);
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

void exec_feed(const struct exec *x, int step, const struct exec_member *me, int m,
               int rows, void *panel)
{
    const struct plan_step *s = &x->plan->steps[step];
    if (!s->more) {
        feed(x, step, me, m, rows, s->element, panel);
        return;
    }
    feed(x, step, me, m, rows, KERN_U12, me->codes);
    x->plan->kern.spread_u8(
        &(struct kern_spread_u8){.dst = panel,
                                 .src = me->codes,
                                 .more = s->more,
                                 .blocks = s->in_blocks,
                                 .more_blocks = s->k_blocks - s->in_blocks,
                                 .pixels = rows});
}

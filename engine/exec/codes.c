#include "engine/exec/exec.h"

// The left side of an int8 convolution with a window. What the windows of a chunk see
// becomes codes once, not once a tap: rows of the source, padding included, each
// [blocks][columns][8], so that what a tap gives to neighbouring pixels lies side by
// side.

struct codes {
    const struct exec *x;
    const struct plan_step *s;
    const struct layout_step *l;
    const struct exec_member *me;
    uint8_t *start;
    int first, columns; // padded row at the start, and how wide all are
    ptrdiff_t row, block;
};

// Padded rows are counted over all pictures.
static int padded_row(const struct window *w, struct exec_pixel at)
{
    return at.picture * layout_padded_rows(w) + at.y;
}

static void code_row(const struct codes *c, int row)
{
    const int rows = layout_padded_rows(&c->l->window);
    // As if a window of one row, as wide as there are pointers, slid by its width.
    struct window run = c->l->window;
    run.kernel_h = 1;
    const struct exec_source src = {&run, c->x->values + c->l->src, c->x->zeros};
    struct kern_gather_f32 k = {.dst_pixel = KERN_BLOCK,
                                .dst_block = c->block,
                                .in = c->me->taps,
                                .scale = c->s->feed_weight,
                                .shift = c->s->feed_bias,
                                .element = KERN_U8,
                                .taps = 1,
                                .blocks = c->s->in_blocks,
                                .relu = c->s->relu_in};
    for (int column = 0; column < c->columns; column += k.pixels) {
        int rest = c->columns - column;
        k.pixels = run.kernel_w = rest < KERN_ROWS_MAX ? rest : KERN_ROWS_MAX;
        exec_taps(&src, (struct exec_pixel){row / rows, row % rows, column}, c->me->taps);
        k.dst = c->start + (row - c->first) * c->row + (ptrdiff_t)column * KERN_BLOCK;
        c->x->plan->kern.gather_f32(&k);
    }
}

static void code_rows(struct codes *c, struct exec_share rows)
{
    const struct window *w = &c->l->window;
    c->first = padded_row(w, exec_pixel_at(w, rows.first));
    const int last = padded_row(w, exec_pixel_at(w, rows.last - 1)) + w->kernel_h;
    for (int row = c->first; row < last; row++)
        code_row(c, row);
}

// A tile of pixels m …, run by run of those in one row.
static void take_taps(const struct codes *c, int m, int rows, uint8_t *panel)
{
    const struct window *w = &c->l->window;
    const uint8_t **in = (const uint8_t **)(void *)c->me->taps;
    struct kern_window_u8 k = {.in = in,
                               .dst_block = (ptrdiff_t)rows * KERN_BLOCK,
                               .in_block = c->block,
                               .taps = w->kernel_h * w->kernel_w,
                               .blocks = c->s->in_blocks};
    for (int done = 0; done < rows; done += k.pixels) {
        const struct exec_pixel at = exec_pixel_at(w, m + done);
        const uint8_t *corner = c->start + (padded_row(w, at) - c->first) * c->row +
                                (ptrdiff_t)at.x * KERN_BLOCK;
        for (int t = 0; t < k.taps; t++)
            in[t] = corner + t / w->kernel_w * c->row +
                    (ptrdiff_t)(t % w->kernel_w) * KERN_BLOCK;
        k.pixels = rows - done < w->out_w - at.x ? rows - done : w->out_w - at.x;
        k.dst = panel + (ptrdiff_t)done * KERN_BLOCK;
        c->x->plan->kern.window_u8(&k);
    }
}

void exec_feed_coded(const struct exec *x, int step, const struct exec_member *me,
                     struct exec_share rows, void *panel)
{
    struct codes c = {.x = x,
                      .s = &x->plan->steps[step],
                      .l = &x->layout->steps[step],
                      .me = me,
                      .start = (uint8_t *)me->codes};
    c.columns = layout_padded_columns(&c.l->window);
    c.block = (ptrdiff_t)c.columns * KERN_BLOCK;
    c.row = c.s->in_blocks * c.block;
    code_rows(&c, rows);
    uint8_t *to = panel;
    for (int m = rows.first, n; m < rows.last; m += n) {
        n = exec_tile_rows(c.s, rows.last - m);
        take_taps(&c, m, n, to);
        to += (ptrdiff_t)n * c.s->k_blocks * KERN_BLOCK;
    }
}

#include "engine/exec/exec.h"

// A tile is 4 × 4 pixels of the output, from 6 × 6 of the input; tiles are counted as
// pixels are, in a grid that starts at each picture's corner.

struct grid {
    const struct window *w;
    int h, w_tiles;
};

static struct grid grid_of(const struct window *w)
{
    return (struct grid){w, (w->out_h + KERN_WINO_OUT - 1) / KERN_WINO_OUT,
                         (w->out_w + KERN_WINO_OUT - 1) / KERN_WINO_OUT};
}

// The output pixel in a tile's upper left corner.
static struct exec_pixel corner_of(const struct grid *g, int tile)
{
    int rest = tile % (g->h * g->w_tiles);
    return (struct exec_pixel){tile / (g->h * g->w_tiles),
                               rest / g->w_tiles * KERN_WINO_OUT,
                               rest % g->w_tiles * KERN_WINO_OUT};
}

struct chunk {
    const struct exec *x;
    const struct plan_step *s;
    const struct layout_step *l;
    const struct exec_member *me;
    struct grid grid;
    int first, tiles;
    ptrdiff_t k;     // floats of one row of a panel
    float *products; // [36][tiles][columns] of one column panel
};

// Fills 36 left panels, each [tiles of rows][k_blocks][rows][8].
static void transform_input(const struct chunk *c)
{
    // The transform sees a window of 6 × 6, wherever that of 3 × 3 started.
    struct window six = c->l->window;
    six.kernel_h = six.kernel_w = KERN_WINO_IN;
    const struct exec_source src = {&six, c->x->values + c->l->src, c->x->zeros};
    struct kern_wino_in_f32 k = {.dst_place = c->tiles * c->k,
                                 .in = c->me->taps,
                                 .blocks = c->s->in_blocks,
                                 .relu = c->s->relu_in};
    for (int t = 0, rows; t < c->tiles; t += rows) {
        rows = exec_tile_rows(c->s, c->tiles - t);
        k.dst_block = rows * KERN_BLOCK;
        for (int r = 0; r < rows; r++) {
            exec_taps(&src, corner_of(&c->grid, c->first + t + r), c->me->taps);
            k.dst = (float *)c->me->panel + t * c->k + r * KERN_BLOCK;
            c->x->plan->kern.wino_in_f32(&k);
        }
    }
}

static void multiply(const struct chunk *c, ptrdiff_t col, int cols)
{
    const float *weight = (const float *)c->s->weight + col * KERN_WINO_PLACES * c->k;
    for (int place = 0; place < KERN_WINO_PLACES; place++) {
        const float *a = (const float *)c->me->panel + place * c->tiles * c->k;
        struct kern_gemm g = {.b = weight + place * cols * c->k,
                              .bias = c->x->zeros,
                              .c = c->products + place * c->tiles * cols,
                              .c_stride = cols,
                              .blocks = c->s->k_blocks,
                              .cols = cols};
        for (int t = 0; t < c->tiles; t += g.rows) {
            g.rows = exec_tile_rows(c->s, c->tiles - t);
            g.a = a + t * c->k;
            c->s->gemm(&g);
            g.c += g.rows * cols;
        }
    }
}

static int at_most(int n, int limit)
{
    return n < limit ? n : limit;
}

static void transform_output(const struct chunk *c, ptrdiff_t col, int cols)
{
    const struct window *w = &c->l->window;
    ptrdiff_t pixel = (ptrdiff_t)c->s->out_blocks * KERN_BLOCK;
    for (int t = 0; t < c->tiles; t++) {
        struct exec_pixel at = corner_of(&c->grid, c->first + t);
        ptrdiff_t m = ((ptrdiff_t)at.picture * w->out_h + at.y) * w->out_w + at.x;
        c->x->plan->kern.wino_out_f32(&(struct kern_wino_out_f32){
            .src = c->products + t * cols,
            .bias = c->s->bias + col,
            .dst = c->x->values + (c->l->dst + m * pixel + col),
            .src_place = c->tiles * cols,
            .dst_row = w->out_w * pixel,
            .dst_pixel = pixel,
            .rows = at_most(w->out_h - at.y, KERN_WINO_OUT),
            .cols = at_most(w->out_w - at.x, KERN_WINO_OUT),
            .blocks = cols / KERN_BLOCK,
            .relu = c->s->relu});
    }
}

int exec_winograd_tiles(const struct window *window, int rows)
{
    struct grid grid = grid_of(window);
    return (rows + KERN_WINO_OUT - 1) / KERN_WINO_OUT * grid.w_tiles;
}

void exec_winograd(const struct exec *x, int step, const struct exec_member *me,
                   struct exec_share tiles)
{
    struct chunk c = {
        .x = x, .s = &x->plan->steps[step], .l = &x->layout->steps[step], .me = me};
    c.grid = grid_of(&c.l->window);
    c.k = (ptrdiff_t)c.s->k_blocks * KERN_BLOCK;
    int most = layout_chunk_rows(x->plan, c.s);
    c.products = (float *)c.me->panel + KERN_WINO_PLACES * most * c.k;
    const int columns = c.s->out_blocks * KERN_BLOCK;
    const int wide = c.s->tile->cols;
    for (c.first = tiles.first; c.first < tiles.last; c.first += c.tiles) {
        c.tiles = at_most(tiles.last - c.first, most);
        transform_input(&c);
        for (int col = 0; col < columns; col += wide) {
            int cols = at_most(columns - col, wide);
            multiply(&c, col, cols);
            transform_output(&c, col, cols);
        }
    }
}

void exec_winograd_seen(const struct exec *x, int step, const struct exec_member *me)
{
    const struct plan_step *s = &x->plan->steps[step];
    const struct layout_step *l = &x->layout->steps[step];
    const int pixels = l->pixels * x->pictures;
    const int tiles = exec_winograd_tiles(&l->window, l->window.out_h) * x->pictures;
    const struct exec_share all = {0, exec_gemm_panels(s)};
    exec_winograd(x, step, me, (struct exec_share){0, tiles});
    for (int m = 0, rows; m < pixels; m += rows) {
        rows = exec_tile_rows(s, pixels - m);
        exec_gather(x, step, me, m, rows, KERN_F32, me->panel);
        x->observer->part(x->observer->ctx, x,
                          &(struct exec_part){step, {m, m + rows}, all, me->panel});
    }
}

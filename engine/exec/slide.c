#include "engine/exec/exec.h"

// The depthwise 3×3 at stride 1. Neighbours share what a column gives to them, so rows of
// pixels are cut as seldom as can be: not where a tile of the left panel ends.

bool exec_slides(const struct window *w)
{
    return w->kernel_h == 3 && w->kernel_w == 3 && w->stride == 1 && w->dilation == 1;
}

// How many neighbours of a row to compute at once when so many remain: shares alike.
static int strip_of(const struct window *w, struct exec_pixel at, int left)
{
    const int in_row = w->out_w - at.x, n = left < in_row ? left : in_row;
    const int strips = (n + KERN_STRIP - 1) / KERN_STRIP;
    return (n + strips - 1) / strips;
}

// What other steps wrote a while ago no longer is in L2, and its lines are too far apart
// for the CPU to foresee: Xception's block 2 and 3 read 0.1 to 0.3 ms less (Zen 4,
// 28 November 2026).
static ptrdiff_t next_row(const struct window *w, struct exec_pixel at)
{
    const bool below = at.y - w->pad_top + 3 < w->in_h;
    return below && !w->ring ? (ptrdiff_t)w->in_w * w->in_channels : 0;
}

void exec_slide(const struct exec *x, int step, const struct exec_member *me, int m,
                int pixels, struct kern_dw3x3_f32 k)
{
    const struct layout_step *l = &x->layout->steps[step];
    const struct exec_source src = {&l->window, x->values + l->src, x->zeros};
    struct kern_piece piece = k.to[0];
    k.to = &piece;
    k.pieces = 1;
    k.in = me->taps;
    for (const int end = m + pixels; m < end; m += piece.pixels) {
        const struct exec_pixel at = exec_pixel_at(&l->window, m);
        piece.pixels = strip_of(&l->window, at, end - m);
        exec_columns(&src, at, piece.pixels + 2, me->taps);
        k.ahead = next_row(&l->window, at);
        x->plan->kern.dw3x3_f32(&k);
        piece.dst = (char *)piece.dst +
                    piece.pixels * k.dst_pixel * (ptrdiff_t)kern_element_size(k.element);
    }
}

// A left panel that is being filled.
struct filling {
    const struct exec *x;
    const struct plan_step *s;
    const struct exec_member *me;
    char *panel;
    struct exec_tiles tiles;
    int tile, row; // where the next pixel goes
    int spread;    // tiles that have got their further rows
};

static char *tile_of_panel(const struct filling *f, int tile)
{
    const ptrdiff_t row = (ptrdiff_t)f->s->k_blocks * KERN_BLOCK *
                          (ptrdiff_t)kern_element_size(f->s->element);
    return f->panel + exec_tiles_first(&f->tiles, tile) * row;
}

// Tiles stand in turn in a place for a few while they wait for their last pixels.
static uint16_t *tile_of_codes(const struct filling *f, int tile)
{
    const struct plan_step *s = f->s;
    const int slot = tile % layout_strip_tiles(s);
    return f->me->codes + (ptrdiff_t)slot * s->tile->rows * s->in_blocks * KERN_BLOCK;
}

// Where the next pixels go; the number of pieces.
static int cut(struct filling *f, enum kern_element element, int pixels,
               struct kern_piece *to)
{
    int pieces = 0;
    for (; pixels > 0; pieces++) {
        const int rows = exec_tiles_rows(&f->tiles, f->tile), room = rows - f->row;
        char *tile =
            f->s->more ? (char *)tile_of_codes(f, f->tile) : tile_of_panel(f, f->tile);
        to[pieces] = (struct kern_piece){.dst = tile + (size_t)(f->row * KERN_BLOCK) *
                                                           kern_element_size(element),
                                         .dst_block = rows * (ptrdiff_t)KERN_BLOCK,
                                         .pixels = pixels < room ? pixels : room};
        pixels -= to[pieces].pixels;
        f->row += to[pieces].pixels;
        if (f->row == rows)
            f->tile++, f->row = 0;
    }
    return pieces;
}

static void spread_full_tiles(struct filling *f)
{
    for (; f->s->more && f->spread < f->tile; f->spread++)
        exec_spread(f->x, f->s, exec_tiles_rows(&f->tiles, f->spread),
                    tile_of_codes(f, f->spread), tile_of_panel(f, f->spread));
}

void exec_feed_slide(const struct exec *x, int step, const struct exec_member *me,
                     struct exec_share rows, void *panel)
{
    const struct plan_step *s = &x->plan->steps[step];
    const struct layout_step *l = &x->layout->steps[step];
    const struct exec_source src = {&l->window, x->values + l->src, x->zeros};
    struct kern_piece to[KERN_STRIP];
    struct kern_dw3x3_f32 k = {.to = to,
                               .dst_pixel = KERN_BLOCK,
                               .in = me->taps,
                               .weight = s->feed_weight,
                               .bias = s->feed_bias,
                               .element = s->more ? KERN_U12 : s->element,
                               .blocks = s->in_blocks,
                               .relu_in = s->relu_in,
                               .relu_out = s->relu_mid};
    struct filling f = {.x = x, .s = s, .me = me, .panel = panel};
    f.tiles = exec_tiles(s, rows.last - rows.first);
    for (int m = rows.first, n; m < rows.last; m += n) {
        const struct exec_pixel at = exec_pixel_at(&l->window, m);
        n = strip_of(&l->window, at, rows.last - m);
        exec_columns(&src, at, n + 2, me->taps);
        k.ahead = next_row(&l->window, at);
        k.pieces = cut(&f, k.element, n, to);
        x->plan->kern.dw3x3_f32(&k);
        spread_full_tiles(&f);
    }
}

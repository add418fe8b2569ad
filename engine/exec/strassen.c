#include "engine/plan/strassen.h"
#include "engine/exec/exec.h"

#include <assert.h>
#include <string.h>

// Pairs side by side, and where their pieces of the left side begin.
struct tile {
    int first, pairs, lower; // of the chunk's; how many have a lower pixel
    float *piece[KERN_STRASSEN_PIECES];
};

// Some pairs of one picture's pixels, against some panels of columns.
struct chunk {
    const struct exec *x;
    const struct plan_step *s;
    const struct layout_step *l;
    const struct exec_member *me;
    struct strassen extents;
    int step, m, rows; // pixels, from the first of a pair
    int most;          // pairs that there is room for
    int tiles;
    struct tile tile[STRASSEN_TILES];
    float *form; // [half and rest of k][columns of a panel], of the right side
    float *left; // all pieces of all tiles
    float *raw;  // left panel of a few pixels
    float *sums; // [3][most][columns of a panel]
};

// A panel of columns: of the left and the right half, and the runs' right sides.
struct panel {
    int col, cols[2];
    const float *side[STRASSEN_RUNS];
    const float *end; // of what is packed
};

static int pairs_of(int pixels)
{
    return (pixels + 1) / 2;
}

int exec_strassen_pairs(const struct window *w, int rows)
{
    return pairs_of(rows * w->out_w);
}

static bool has_rest(int piece)
{
    return piece == KERN_A12 || piece == KERN_A22 || piece == KERN_S4;
}

static void lay_tiles(struct chunk *c)
{
    const int pairs = pairs_of(c->rows);
    float *panel = c->left;
    c->tiles = 0;
    for (int i = 0; i < pairs; i += c->tile[c->tiles++].pairs) {
        struct tile *t = &c->tile[c->tiles];
        int lower = c->rows / 2 - i;
        t->first = i;
        t->pairs = exec_tile_rows(c->s, pairs - i);
        t->lower = lower < t->pairs ? lower : t->pairs;
        for (int p = 0; p < KERN_STRASSEN_PIECES; p++) {
            int blocks = c->extents.half + (has_rest(p) ? c->extents.rest : 0);
            t->piece[p] = panel;
            panel += blocks * KERN_BLOCK * (p == KERN_A22 ? t->lower : t->pairs);
        }
    }
}

// By as many pixels as feed the raw panel at once.
static void feed_tile(const struct chunk *c, const struct tile *t)
{
    const int start = 2 * t->first, end = start + t->pairs + t->lower;
    const int most = KERN_ROWS_MAX;
    struct kern_strassen_f32 k = {.src = c->raw,
                                  .upper_block = (ptrdiff_t)t->pairs * KERN_BLOCK,
                                  .lower_block = (ptrdiff_t)t->lower * KERN_BLOCK,
                                  .half = c->extents.half,
                                  .rest = c->extents.rest};
    for (int r = start; r < end; r += k.rows) {
        k.rows = end - r < most ? end - r : most;
        exec_feed(c->x, c->step, c->me, c->m + r, k.rows, c->raw);
        for (int p = 0; p < KERN_STRASSEN_PIECES; p++)
            k.dst[p] = t->piece[p] + (ptrdiff_t)(r - start) / 2 * KERN_BLOCK;
        c->x->plan->kern.strassen_f32(&k);
    }
}

static float *sums_at(const struct chunk *c, enum strassen_place place, int pair)
{
    int which = (int)place - (int)STRASSEN_SUM0;
    return c->sums + (ptrdiff_t)(which * c->most + pair) * c->s->tile->cols;
}

// Where a run's sums start and end for the pairs from `pair` on.
static void set_places(const struct chunk *c, const struct strassen_run *run, int pair,
                       int col, struct kern_gemm *g)
{
    const ptrdiff_t stride = c->s->out_blocks * KERN_BLOCK;
    const ptrdiff_t left = c->extents.left * KERN_BLOCK;
    if (run->from == STRASSEN_BIAS)
        g->bias = c->s->bias + col;
    else if (run->from == STRASSEN_DIFF)
        g->bias = c->s->bias + stride + col;
    else
        g->bias = sums_at(c, run->from, pair);
    g->bias_stride = run->from < STRASSEN_SUM0 ? 0 : c->s->tile->cols;
    if (run->to < STRASSEN_UPPER) {
        g->c = sums_at(c, run->to, pair);
        g->c_stride = c->s->tile->cols;
        return;
    }
    ptrdiff_t m = c->m + 2 * pair + (run->to == STRASSEN_LOWER);
    ptrdiff_t at = m * stride + (run->right ? left : 0) + col;
    g->c = c->x->values + (c->l->dst + at);
    g->c_stride = g->add_stride = 2 * stride;
    g->add = c->s->add < 0 ? NULL : c->x->values + (c->l->add + at);
    g->relu = c->s->relu;
}

static struct panel panel_of(const struct chunk *c, int j)
{
    const struct strassen *e = &c->extents;
    const int wide = c->s->tile->cols;
    struct panel p = {
        .col = j * wide,
        .cols = {strassen_cols(e, false, j, wide), strassen_cols(e, true, j, wide)}};
    p.end =
        (const float *)c->s->weight + (size_t)j * strassen_weight_floats(e, wide, wide);
    for (int r = 0; r < STRASSEN_RUNS; r++) {
        const struct strassen_run *run = &strassen_runs[r];
        p.side[r] = p.end;
        if (strassen_is_packed(run))
            p.end +=
                (ptrdiff_t)strassen_run_blocks(e, run) * KERN_BLOCK * p.cols[run->right];
    }
    return p;
}

static void multiply_run(const struct chunk *c, const struct panel *p,
                         const struct strassen_run *run, struct kern_gemm g)
{
    const bool lower = run->left == KERN_A22;
    const int skip = run->half ? 0 : c->extents.half * KERN_BLOCK;
    assert(c->tiles > 0);
    g.next_len = g.next_len / (size_t)c->tiles + 64;
    for (const struct tile *t = c->tile; t < c->tile + c->tiles; t++) {
        g.rows = lower ? t->lower : t->pairs;
        if (g.rows == 0)
            break; // a last tile without a lower pixel
        g.a = t->piece[run->left] + (ptrdiff_t)skip * g.rows;
        set_places(c, run, t->first, p->col, &g);
        c->s->gemm(&g);
        g.formed = 0;
        g.next += g.next_len;
    }
}

// The first tile of a run forms its right side from two that were just used.
static void form(const struct chunk *c, const struct panel *p,
                 const struct strassen_run *run, struct kern_gemm *g)
{
    const size_t half = (size_t)(c->extents.half * KERN_BLOCK * p->cols[0]);
    g->of = p->side[run->of];
    g->less = p->side[run->less];
    g->formed = c->extents.half;
    g->b = c->form;
    if (run->rest)
        memcpy(c->form + half, g->of + half,
               (size_t)(c->extents.rest * KERN_BLOCK * p->cols[0]) * sizeof *c->form);
}

// The third sums belong to the others, too.
static void add_sums(const struct chunk *c)
{
    for (int to = STRASSEN_SUM0; to < STRASSEN_SUM2; to++) {
        float *sums = sums_at(c, (enum strassen_place)to, 0);
        c->x->plan->kern.affine_f32(&(struct kern_affine_f32){
            .dst = sums,
            .src = sums,
            .add = sums_at(c, STRASSEN_SUM2, 0),
            .pixels = 1,
            .blocks = pairs_of(c->rows) * c->s->tile->cols / KERN_BLOCK});
    }
}

// Each run but the last, a short one, fetches its share of what is packed, two sides
// ahead.
static void multiply_panel(const struct chunk *c, int j)
{
    const struct panel p = panel_of(c, j);
    const size_t share =
        (size_t)(p.end - p.side[0]) / (STRASSEN_RUNS - 1) * sizeof(float);
    const char *next = (const char *)p.side[2];
    for (int r = 0; r < STRASSEN_RUNS; r++) {
        const struct strassen_run *run = &strassen_runs[r];
        struct kern_gemm g = {.b = p.side[r],
                              .next = next,
                              .next_len = run->half ? share : 0,
                              .blocks = strassen_run_blocks(&c->extents, run),
                              .cols = p.cols[run->right]};
        next += g.next_len;
        if (r == STRASSEN_ADD)
            add_sums(c);
        if (!strassen_is_packed(run))
            form(c, &p, run, &g);
        if (g.cols > 0)
            multiply_run(c, &p, run, g);
    }
}

static void run_chunk(struct chunk *c, struct exec_share panels)
{
    lay_tiles(c);
    for (int i = 0; i < c->tiles; i++)
        feed_tile(c, &c->tile[i]);
    for (int j = panels.first; j < panels.last; j++)
        multiply_panel(c, j);
    if (!c->x->observer)
        return;
    const struct exec_share rows = {c->m, c->m + c->rows},
                            all = {0, exec_gemm_panels(c->s)};
    exec_feed_tiles(c->x, c->step, c->me, rows, c->raw);
    c->x->observer->part(c->x->observer->ctx, c->x,
                         &(struct exec_part){c->step, rows, all, c->raw});
}

static void multiply(const struct exec *x, int step, const struct exec_member *me,
                     struct exec_share pairs, struct exec_share panels)
{
    struct chunk c = {.x = x,
                      .s = &x->plan->steps[step],
                      .l = &x->layout->steps[step],
                      .me = me,
                      .step = step};
    c.extents = strassen_of(c.s);
    c.most = layout_chunk_rows(x->plan, c.s) / 2;
    c.form = me->panel; // aligned, as right sides must be
    c.left = c.form + strassen_form_floats(c.s);
    c.raw = c.left + c.most * strassen_pair_floats(&c.extents);
    c.sums = c.raw + KERN_ROWS_MAX * c.s->k_blocks * KERN_BLOCK;
    // An observer finds all rows of its part in the raw panel, fed anew as tiles of
    // pixels.
    const int most = x->observer ? KERN_ROWS_MAX / 2 : c.most;
    const int in_picture = pairs_of(c.l->pixels);
    for (int i = pairs.first, n; i < pairs.last; i += n) {
        int at = i % in_picture, room = in_picture - at;
        n = pairs.last - i < room ? pairs.last - i : room;
        int chunks = (n + most - 1) / most;
        n = (n + chunks - 1) / chunks;
        c.m = i / in_picture * c.l->pixels + 2 * at;
        c.rows = 2 * n < c.l->pixels - 2 * at ? 2 * n : c.l->pixels - 2 * at;
        run_chunk(&c, panels);
    }
}

void exec_strassen(const struct exec *x, int step, const struct exec_member *me,
                   struct exec_share pairs)
{
    int panels = strassen_of(&x->plan->steps[step]).panels;
    multiply(x, step, me, pairs, (struct exec_share){0, panels});
}

void exec_strassen_low(const struct exec *x, int step, int member, int members)
{
    const struct plan_step *s = &x->plan->steps[step];
    int pairs = pairs_of(x->layout->steps[step].pixels) * x->pictures;
    multiply(x, step, &x->member[member], (struct exec_share){0, pairs},
             exec_share(strassen_of(s).panels, member, members));
}

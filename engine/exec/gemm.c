#include "engine/exec/exec.h"

static int divide_up(int n, int by)
{
    return (n + by - 1) / by;
}

struct exec_tiles exec_tiles(const struct plan_step *step, int rows)
{
    const int count = divide_up(rows, step->tile->rows);
    return (struct exec_tiles){count, rows / count, rows % count};
}

int exec_tiles_rows(const struct exec_tiles *tiles, int tile)
{
    return tiles->rows + (tile < tiles->longer);
}

int exec_tiles_first(const struct exec_tiles *tiles, int tile)
{
    return tile * tiles->rows + (tile < tiles->longer ? tile : tiles->longer);
}

int exec_tile_rows(const struct plan_step *step, int left)
{
    return divide_up(left, divide_up(left, step->tile->rows));
}

void exec_feed_tiles(const struct exec *x, int step, const struct exec_member *me,
                     struct exec_share rows, void *panel)
{
    const struct plan_step *s = &x->plan->steps[step];
    if (s->coded) {
        exec_feed_coded(x, step, me, rows, panel);
        return;
    }
    if (s->feed == FEED_DEPTHWISE && exec_slides(&x->layout->steps[step].window)) {
        exec_feed_slide(x, step, me, rows, panel);
        return;
    }
    size_t row = (size_t)s->k_blocks * KERN_BLOCK * kern_element_size(s->element);
    char *tile = panel;
    for (int m = rows.first, n; m < rows.last; m += n) {
        n = exec_tile_rows(s, rows.last - m);
        exec_feed(x, step, me, m, n, tile);
        tile += (size_t)n * row;
    }
}

// One panel of columns against all rows of the chunk.
static void multiply_panel(const struct exec *x, int step, const struct exec_member *me,
                           struct exec_share chunk, int panel)
{
    const struct plan_step *s = &x->plan->steps[step];
    const struct layout_step *l = &x->layout->steps[step];
    const struct kern_about *tile = s->tile;
    const int stride = s->out_blocks * KERN_BLOCK, col = panel * tile->cols;
    const int cols = stride - col < tile->cols ? stride - col : tile->cols;
    size_t k = (size_t)s->k_blocks * KERN_BLOCK * kern_element_size(s->element);
    const char *a = me->panel, *b = (const char *)s->weight + (size_t)col * k;
    struct kern_gemm g = {.b = b,
                          .scale = s->scale ? s->scale + col : NULL,
                          .bias = s->bias + col,
                          .add_stride = stride,
                          .c_stride = stride,
                          .blocks = s->k_blocks,
                          .cols = cols,
                          .relu = s->relu};
    const struct exec_tiles tiles = exec_tiles(s, chunk.last - chunk.first);
    g.next = b + (size_t)cols * k;
    g.next_len = (size_t)cols * k / (size_t)tiles.count + 64;
    for (int i = 0, m = chunk.first; i < tiles.count; i++, m += g.rows) {
        ptrdiff_t at = (ptrdiff_t)m * stride + col;
        g.rows = exec_tiles_rows(&tiles, i);
        g.a = a;
        g.c = x->values + (l->dst + at);
        g.add = s->add < 0 ? NULL : x->values + (l->add + at);
        s->gemm(&g);
        a += (size_t)g.rows * k;
        g.next += g.next_len;
    }
}

// These rows × column panels.
static void multiply(const struct exec *x, int step, const struct exec_member *me,
                     struct exec_share rows, struct exec_share panels)
{
    int count = rows.last - rows.first;
    int most = layout_chunk_rows(x->plan, &x->plan->steps[step]);
    int chunks = divide_up(count, most);
    for (int i = 0; i < chunks; i++) {
        struct exec_share chunk = exec_share(count, i, chunks);
        chunk.first += rows.first;
        chunk.last += rows.first;
        exec_feed_tiles(x, step, me, chunk, me->panel);
        for (int j = panels.first; j < panels.last; j++)
            multiply_panel(x, step, me, chunk, j);
        if (x->observer)
            x->observer->part(x->observer->ctx, x,
                              &(struct exec_part){step, chunk, panels, me->panel});
    }
}

int exec_gemm_panels(const struct plan_step *step)
{
    return divide_up(step->out_blocks * KERN_BLOCK, step->tile->cols);
}

void exec_gemm(const struct exec *x, int step, const struct exec_member *me,
               struct exec_share rows)
{
    multiply(x, step, me, rows,
             (struct exec_share){0, exec_gemm_panels(&x->plan->steps[step])});
}

bool exec_gemm_is_low(const struct exec *x, int step, int members)
{
    return x->layout->steps[step].pixels * x->pictures <
           x->plan->steps[step].tile->rows * members;
}

void exec_gemm_low(const struct exec *x, int step, int member, int members)
{
    const struct exec_share rows = {0, x->layout->steps[step].pixels * x->pictures};
    int panels = exec_gemm_panels(&x->plan->steps[step]);
    multiply(x, step, &x->member[member], rows, exec_share(panels, member, members));
}

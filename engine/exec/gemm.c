#include "engine/exec/exec.h"

static int divide_up(int n, int by)
{
    return (n + by - 1) / by;
}

// As few tiles as hold them, and those alike: the multiply-add units would wait for a
// tile of one to three.
int exec_tile_rows(const struct plan_step *step, int left)
{
    return divide_up(left, divide_up(left, step->tile->rows));
}

// What one member computes: rows × column panels.
struct part {
    struct exec_share rows, panels;
};

// Where there are fewer rows than would keep the team busy, it divides the columns.
static struct part part_of(const struct kern_about *tile, int rows, int blocks,
                           int member, int members)
{
    int panels = divide_up(blocks * KERN_BLOCK, tile->cols);
    if (rows >= tile->rows * members)
        return (struct part){exec_share(rows, member, members), {0, panels}};
    return (struct part){{0, rows}, exec_share(panels, member, members)};
}

static void feed_chunk(const struct exec *x, int step, const struct exec_member *me,
                       struct exec_share chunk)
{
    const struct plan_step *s = &x->plan->steps[step];
    size_t row = (size_t)s->k_blocks * KERN_BLOCK * kern_element_size(s->element);
    char *panel = me->panel;
    for (int m = chunk.first; m < chunk.last;) {
        int rows = exec_tile_rows(s, chunk.last - m);
        exec_feed(x, step, me, m, rows, panel);
        panel += (size_t)rows * row;
        m += rows;
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
    int tiles = divide_up(chunk.last - chunk.first, tile->rows);
    g.next = b + (size_t)cols * k;
    g.next_len = (size_t)cols * k / (size_t)tiles + 64;
    for (int m = chunk.first; m < chunk.last; m += g.rows) {
        ptrdiff_t at = (ptrdiff_t)m * stride + col;
        g.rows = exec_tile_rows(s, chunk.last - m);
        g.a = a;
        g.c = x->values + l->dst + at;
        g.add = s->add < 0 ? NULL : x->values + l->add + at;
        s->gemm(&g);
        a += (size_t)g.rows * k;
        g.next += g.next_len;
    }
}

void exec_gemm(const struct exec *x, int step, int member, int members)
{
    const struct plan_step *s = &x->plan->steps[step];
    int pixels = x->layout->steps[step].pixels * x->pictures;
    struct part part = part_of(s->tile, pixels, s->out_blocks, member, members);
    int rows = part.rows.last - part.rows.first;
    int most = layout_chunk_rows(x->plan, s), chunks = (rows + most - 1) / most;
    for (int i = 0; i < chunks; i++) {
        struct exec_share chunk = exec_share(rows, i, chunks);
        chunk.first += part.rows.first;
        chunk.last += part.rows.first;
        feed_chunk(x, step, &x->member[member], chunk);
        for (int j = part.panels.first; j < part.panels.last; j++)
            multiply_panel(x, step, &x->member[member], chunk, j);
        if (x->observer)
            x->observer->part(
                x->observer->ctx, x,
                &(struct exec_part){step, chunk, part.panels, x->member[member].panel});
    }
}

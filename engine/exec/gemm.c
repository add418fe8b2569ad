#include "engine/exec/exec.h"

// Sixes, and at the end fives and fours rather than a tile of one to three, which the
// multiply-add units would wait for.
int exec_tile_rows(int left)
{
    static const int last[] = {0, 1, 2, 3, 4, 5, 6, 4, 4, 5, 5, 6, 6, 5};
    return left < (int)(sizeof last / sizeof last[0]) ? last[left] : KERN_ROWS;
}

// What one member computes: rows × column panels.
struct part {
    struct exec_share rows, panels;
};

// Where there are fewer rows than would keep the team busy, it divides the columns.
static struct part part_of(int rows, int blocks, int member, int members)
{
    int panels = (blocks * KERN_BLOCK + KERN_COLS - 1) / KERN_COLS;
    if (rows >= KERN_ROWS * members)
        return (struct part){exec_share(rows, member, members), {0, panels}};
    return (struct part){{0, rows}, exec_share(panels, member, members)};
}

static void feed_chunk(const struct exec *x, int step, const struct exec_member *me,
                       struct exec_share chunk)
{
    ptrdiff_t k = (ptrdiff_t)x->plan->steps[step].k_blocks * KERN_BLOCK;
    float *panel = me->panel;
    for (int m = chunk.first; m < chunk.last;) {
        int rows = exec_tile_rows(chunk.last - m);
        exec_feed(x, step, me, m, rows, panel);
        panel += rows * k;
        m += rows;
    }
}

// One panel of columns against all rows of the chunk.
static void multiply_panel(const struct exec *x, int step, const struct exec_member *me,
                           struct exec_share chunk, int panel)
{
    const struct plan_step *s = &x->plan->steps[step];
    const struct layout_step *l = &x->layout->steps[step];
    ptrdiff_t stride = (ptrdiff_t)s->out_blocks * KERN_BLOCK;
    ptrdiff_t k = (ptrdiff_t)s->k_blocks * KERN_BLOCK;
    ptrdiff_t col = (ptrdiff_t)panel * KERN_COLS;
    int cols = stride - col < KERN_COLS ? KERN_BLOCK : KERN_COLS;
    struct kern_gemm_f32 g = {.a = me->panel,
                              .b = s->weight + col * k,
                              .bias = s->bias + col,
                              .add_stride = stride,
                              .c_stride = stride,
                              .blocks = s->k_blocks,
                              .cols = cols,
                              .relu = s->relu};
    int tiles = (chunk.last - chunk.first + KERN_ROWS - 1) / KERN_ROWS;
    g.next = g.b + cols * k;
    g.next_len = (size_t)(cols * k / tiles + KERN_COLS);
    for (int m = chunk.first; m < chunk.last; m += g.rows) {
        ptrdiff_t at = m * stride + col;
        g.rows = exec_tile_rows(chunk.last - m);
        g.c = x->values + l->dst + at;
        g.add = s->add < 0 ? NULL : x->values + l->add + at;
        x->plan->kern.gemm_f32(&g);
        g.a += g.rows * k;
        g.next += g.next_len;
    }
}

void exec_gemm(const struct exec *x, int step, int member, int members)
{
    const struct plan_step *s = &x->plan->steps[step];
    int pixels = x->layout->steps[step].pixels * x->pictures;
    struct part part = part_of(pixels, s->out_blocks, member, members);
    int rows = part.rows.last - part.rows.first;
    int most = layout_chunk_rows(s), chunks = (rows + most - 1) / most;
    for (int i = 0; i < chunks; i++) {
        struct exec_share chunk = exec_share(rows, i, chunks);
        chunk.first += part.rows.first;
        chunk.last += part.rows.first;
        feed_chunk(x, step, &x->member[member], chunk);
        for (int j = part.panels.first; j < part.panels.last; j++)
            multiply_panel(x, step, &x->member[member], chunk, j);
    }
}

#include "engine/plan/band.h"

#include <limits.h>

// Rows of the last step that a band takes at a time, at most: 8 take 0.8 MiB a thread
// more (Xception, int8) and no less time (Zen 4, 29 November 2026).
enum { ROWS_MAX = 4 };

static int at_least(int a, int b)
{
    return a > b ? a : b;
}

static int at_most(int a, int b)
{
    return a < b ? a : b;
}

int band_writer(const struct plan *plan, int first, int step, int node)
{
    for (int i = step - 1; i >= first; i--)
        if (plan->steps[i].node == node)
            return i;
    return -1;
}

struct band_rows band_new(struct band_rows have, struct band_rows need)
{
    return (struct band_rows){at_least(have.last, need.first), need.last};
}

// Rows that are written together.
static int grain_of(const struct plan_step *s)
{
    return s->kind == STEP_WINOGRAD ? KERN_WINO_OUT : 1;
}

static struct band_rows whole_grains(const struct plan_step *s, struct band_rows rows)
{
    const int grain = grain_of(s);
    return (struct band_rows){rows.first / grain * grain,
                              (rows.last + grain - 1) / grain * grain};
}

// What the windows of whole grains of rows see.
static struct band_rows rows_under(const struct plan_step *s, const struct window *w,
                                   struct band_rows rows)
{
    rows = whole_grains(s, rows);
    int top = rows.first * w->stride - w->pad_top;
    int bottom =
        (rows.last - 1) * w->stride - w->pad_top + (w->kernel_h - 1) * w->dilation;
    return (struct band_rows){at_least(top, 0), at_most(bottom + 1, w->in_h)};
}

static void widen(struct band_rows *need, struct band_rows by)
{
    need->first = at_most(need->first, by.first);
    need->last = at_least(need->last, by.last);
}

void band_needs(const struct plan *plan, const struct layout *layout, int first,
                const struct band_rows *have, struct band_rows *need)
{
    const int count = layout->steps[first].band;
    for (int k = 0; k < count - 1; k++)
        need[k] = (struct band_rows){INT_MAX, 0};
    for (int k = count - 1; k >= 0; k--) {
        const struct plan_step *s = &plan->steps[first + k];
        const struct window *w = &layout->steps[first + k].window;
        if (k < count - 1) {
            need[k] = whole_grains(s, need[k]);
            need[k].last = at_most(need[k].last, w->out_h);
        }
        struct band_rows fresh = band_new(have[k], need[k]);
        if (fresh.first >= fresh.last)
            continue;
        int src = band_writer(plan, first, first + k, s->src);
        if (src >= 0)
            widen(&need[src - first], rows_under(s, w, fresh));
        int add = s->add < 0 ? -1 : band_writer(plan, first, first + k, s->add);
        if (add >= 0)
            widen(&need[add - first], fresh);
    }
}

// ---- which steps, and how many rows ----

static bool can_be_in(const struct plan_step *s)
{
    return (s->kind == STEP_GEMM && !s->strassen) || s->kind == STEP_WINOGRAD ||
           s->kind == STEP_DEPTHWISE || s->kind == STEP_MAXPOOL;
}

static size_t row_floats(const struct plan_step *s, const struct window *w)
{
    return (size_t)w->out_w * (size_t)s->out_blocks * KERN_BLOCK;
}

// Rings that hold what any band of `rows` needs when nothing is there yet: never more
// than what later bands do. Their floats.
static size_t size_rings(const struct plan *plan, struct layout *layout, int first,
                         int rows)
{
    static const struct band_rows nothing[BAND_STEPS_MAX];
    struct layout_step *l = &layout->steps[first];
    const int count = l->band, out_h = l[count - 1].window.out_h;
    size_t floats = 0;
    for (int k = 0; k < count; k++)
        l[k].ring = 0;
    for (int y = 0; y < out_h; y++) {
        struct band_rows need[BAND_STEPS_MAX];
        need[count - 1] = (struct band_rows){y, at_most(y + rows, out_h)};
        band_needs(plan, layout, first, nothing, need);
        for (int k = 0; k < count - 1; k++)
            l[k].ring = at_least(l[k].ring, need[k].last - need[k].first);
    }
    for (int k = 0; k < count - 1; k++) {
        const struct plan_step *s = &plan->steps[first + k];
        l[k].ring = whole_grains(s, (struct band_rows){0, l[k].ring}).last;
        l[k].slab = floats;
        floats += memory_round((size_t)l[k].ring * row_floats(s, &l[k].window));
    }
    return floats;
}

// Of the left panel that is in use, and of the weights.
static size_t gemm_bytes(const struct plan *plan, const struct plan_step *s,
                         const struct window *w, int rows)
{
    if (s->kind != STEP_GEMM && s->kind != STEP_WINOGRAD)
        return 0;
    size_t k = (size_t)s->k_blocks * KERN_BLOCK * kern_element_size(s->element);
    size_t row = k, units = (size_t)rows * (size_t)w->out_w;
    size_t weights = k * (size_t)s->out_blocks * KERN_BLOCK;
    if (s->kind == STEP_WINOGRAD) {
        row = KERN_WINO_PLACES * (k + KERN_COLS_MAX * sizeof(float));
        units = units / (KERN_WINO_OUT * KERN_WINO_OUT) + 1;
        weights *= KERN_WINO_PLACES;
    }
    size_t most = (size_t)layout_chunk_rows(plan, s);
    return weights + row * (units < most ? units : most);
}

static bool fits(const struct plan *plan, struct layout *layout, int first, int rows,
                 size_t slabs)
{
    const struct layout_step *l = &layout->steps[first];
    size_t bytes = slabs * sizeof(float);
    for (int k = 0; k < l->band; k++) {
        int at_once = k < l->band - 1 ? l[k].ring : rows;
        bytes += gemm_bytes(plan, &plan->steps[first + k], &l[k].window, at_once);
    }
    return bytes <= (size_t)plan->band_bytes;
}

// Whether nobody but these steps reads what is between them, and it would not stay in the
// cache anyway.
static bool is_worth_it(const struct plan *plan, const struct layout *layout, int first,
                        int count, const int *last)
{
    size_t bytes = 0;
    for (int i = first; i < first + count - 1; i++) {
        const struct plan_step *s = &plan->steps[i];
        const struct window *w = &layout->steps[i].window;
        if (last[s->node] >= first + count)
            return false;
        bytes += (size_t)w->out_h * row_floats(s, w) * sizeof(float);
    }
    return bytes > (size_t)plan->band_bytes;
}

bool band_serves(const struct plan *plan, const struct layout_step *first, int count,
                 struct band_team team)
{
    return first[count - 1].window.out_h * team.pictures >=
           plan->band_rows * team.members;
}

// Sets the band of `count` steps with as many rows as fit; whether any do.
static bool set_band(const struct plan *plan, struct layout *layout, int first, int count)
{
    struct layout_step *l = &layout->steps[first];
    l->band = count;
    for (l->band_rows = ROWS_MAX; l->band_rows > 0; l->band_rows--) {
        size_t slabs = size_rings(plan, layout, first, l->band_rows);
        if (!fits(plan, layout, first, l->band_rows, slabs))
            continue;
        layout->slabs = slabs > layout->slabs ? slabs : layout->slabs;
        return true;
    }
    l->band = 0;
    return false;
}

void band_find(const struct plan *plan, struct layout *layout, const int *last,
               struct band_team team)
{
    for (int i = 0, n; i < plan->count; i += n) {
        int most = 0;
        while (most < BAND_STEPS_MAX && i + most < plan->count &&
               can_be_in(&plan->steps[i + most]))
            most++;
        for (n = most; n > 1; n--)
            if (band_serves(plan, &layout->steps[i], n, team) &&
                is_worth_it(plan, layout, i, n, last) && set_band(plan, layout, i, n))
                break;
        n = at_least(n, 1);
    }
}

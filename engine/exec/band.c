#include "engine/plan/band.h"
#include "engine/exec/exec.h"

#include "base/clock.h"

// A member's share of one picture, band after band.
struct strip {
    const struct exec *x; // a view in which the band's values are the member's rings
    struct layout_step *l;
    const struct exec_member *me;
    struct exec_clock *clock;
    int first, count; // steps
    int picture;
    struct band_rows have[BAND_STEPS_MAX]; // written so far
    int origin[BAND_STEPS_MAX];            // row at the start of a ring
};

void exec_lap(struct exec_clock *clock, int step)
{
    double now = clock_now();
    clock->seconds[step] += now - clock->last;
    clock->last = now;
}

// Up to `most` rows from y on that lie side by side in the ring of step k.
static int rows_side_by_side(const struct strip *t, int k, int y, int most)
{
    if (k < 0 || !t->l[k].ring)
        return most;
    int room = t->l[k].ring - (y - t->origin[k]) % t->l[k].ring;
    return room < most ? room : most;
}

// Where the picture's pixel 0 would lie if row y, which is in the ring, stood where it
// belongs.
static ptrdiff_t ring_offset(const struct strip *t, int k, int y)
{
    const struct layout_step *l = &t->l[k];
    const struct window *w = &l->window;
    ptrdiff_t row =
        (ptrdiff_t)w->out_w * t->x->plan->steps[t->first + k].out_blocks * KERN_BLOCK;
    ptrdiff_t slab = t->me->slabs - t->x->values + (ptrdiff_t)l->slab;
    return slab +
           ((y - t->origin[k]) % l->ring - (ptrdiff_t)t->picture * w->out_h - y) * row;
}

// Which step of the band writes what step k adds, or -1.
static int adds_from(const struct strip *t, int k)
{
    int add = t->x->plan->steps[t->first + k].add;
    int step = add < 0 ? -1 : band_writer(t->x->plan, t->first, t->first + k, add);
    return step < 0 ? -1 : step - t->first;
}

static void write_rows(struct strip *t, int k, struct band_rows rows)
{
    const int add = adds_from(t, k);
    for (int y = rows.first, n; y < rows.last; y += n) {
        n = rows_side_by_side(t, k, y, rows.last - y);
        n = rows_side_by_side(t, add, y, n);
        if (t->l[k].ring)
            t->l[k].dst = ring_offset(t, k, y);
        if (add >= 0)
            t->l[k].add = ring_offset(t, add, y);
        exec_rows(t->x, t->first + k, t->me, t->picture, (struct exec_share){y, y + n});
    }
    if (t->clock)
        exec_lap(t->clock, t->first + k);
}

// Tells readers where the rings begin.
static void open_rings(struct strip *t, const struct band_rows *need)
{
    for (int k = 0; k < t->count; k++) {
        const struct plan_step *s = &t->x->plan->steps[t->first + k];
        int src = band_writer(t->x->plan, t->first, t->first + k, s->src);
        t->have[k] = (struct band_rows){0, 0};
        t->origin[k] = need[k].first;
        if (src < 0)
            continue;
        const int from = src - t->first;
        t->l[k].window.ring = t->l[from].ring;
        t->l[k].window.origin = need[from].first;
        t->l[k].src = t->me->slabs - t->x->values + (ptrdiff_t)t->l[from].slab;
    }
}

static void run_strip(struct strip *t, struct band_rows all)
{
    static const struct band_rows nothing[BAND_STEPS_MAX];
    struct band_rows need[BAND_STEPS_MAX];
    const int rows = t->l[0].band_rows;
    bool opened = false;
    for (int y = all.first; y < all.last; y += rows) {
        int end = y + rows < all.last ? y + rows : all.last;
        need[t->count - 1] = (struct band_rows){y, end};
        band_needs(t->x->plan, t->x->layout, t->first, opened ? t->have : nothing, need);
        if (!opened)
            open_rings(t, need);
        opened = true;
        for (int k = 0; k < t->count; k++) {
            struct band_rows fresh = band_new(t->have[k], need[k]);
            if (fresh.first >= fresh.last)
                continue;
            write_rows(t, k, fresh);
            t->have[k] = fresh;
        }
    }
}

static void run_band(const struct exec *x, int step, int member, int members,
                     struct exec_clock *clock)
{
    const struct exec_member *me = &x->member[member];
    struct layout layout = *x->layout;
    struct exec view = *x;
    layout.steps = me->steps;
    view.layout = &layout;
    struct strip t = {.x = &view, .l = me->steps + step, .me = me, .clock = clock};
    t.first = step;
    t.count = t.l->band;
    const int out_h = t.l[t.count - 1].window.out_h;
    struct exec_share all = exec_share(out_h * x->pictures, member, members);
    for (int row = all.first, n; row < all.last; row += n) {
        int y = row % out_h;
        n = all.last - row < out_h - y ? all.last - row : out_h - y;
        t.picture = row / out_h;
        run_strip(&t, (struct band_rows){y, y + n});
    }
}

int exec_steps(const struct exec *x, int step, int member, int members,
               struct exec_clock *clock)
{
    const struct layout_step *l = &x->layout->steps[step];
    // An observer sees every pixel once, and finds values in their places. There may be
    // fewer pictures than the layout is for.
    if (l->band && !x->observer &&
        band_serves(x->plan, l, l->band, (struct band_team){x->pictures, members})) {
        run_band(x, step, member, members, clock);
        return l->band;
    }
    exec_step(x, step, member, members);
    return 1;
}

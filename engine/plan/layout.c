#include "engine/plan/layout.h"
#include "engine/kern/depthwise.h"
#include "engine/plan/band.h"
#include "engine/plan/strassen.h"

#include "base/mem.h"

#include <stdlib.h>

struct span {
    size_t start, len;
    int value; // node, or -1 when free
};

// Where values lie that are alive, in order, and how far any ever reached.
struct region {
    struct span *live;
    int count;
    size_t floats;
};

struct placer {
    const struct plan *plan;
    struct layout *out;
    int *last;   // last step that reads a value
    bool *kept;  // a band reads it in more than one place
    bool *inner; // of a band, which writes it to rings
    // Inner values are written only when a band's steps run one by one: behind the
    // others, they cost no memory otherwise.
    struct region regions[2];
};

int layout_chunk_rows(const struct plan *plan, const struct plan_step *step)
{
    int panels = step->kind == STEP_WINOGRAD ? KERN_WINO_PLACES : 1;
    int size = (int)kern_element_size(step->element);
    if (step->strassen)
        return strassen_chunk_rows(step);
    int rows = plan->panel_bytes / (step->k_blocks * KERN_BLOCK * panels * size);
    int least = step->tile->rows;
    return rows < least ? least : rows;
}

// Tiles are alike: of 14 rows at most, those of a panel have 7 or more.
int layout_strip_tiles(const struct plan_step *step)
{
    return KERN_STRIP / ((step->tile->rows + 1) / 2) + 2;
}

static struct window window_of(const struct plan *plan, const struct plan_step *s,
                               const struct net_shape *shapes)
{
    const struct net_node *n = &plan->net.nodes[s->window];
    const struct net_shape *in = &shapes[s->src], *out = &shapes[s->window];
    bool slides = n->op == NET_CONV || n->op == NET_DEPTHWISE || n->op == NET_MAXPOOL;
    struct window w = {.in_h = in->h,
                       .in_w = in->w,
                       .in_channels = s->in_blocks * KERN_BLOCK,
                       .out_h = out->h,
                       .out_w = out->w,
                       .kernel_h = 1,
                       .kernel_w = 1,
                       .stride = 1,
                       .dilation = 1,
                       .pad_top = out->pad_top,
                       .pad_left = out->pad_left};
    if (slides) {
        w.kernel_h = n->kernel_h;
        w.kernel_w = n->kernel_w;
        w.stride = n->stride;
        w.dilation = n->dilation;
    }
    return w;
}

int layout_padded_rows(const struct window *w)
{
    return w->out_h + w->kernel_h - 1;
}

int layout_padded_columns(const struct window *w)
{
    return w->out_w + w->kernel_w - 1;
}

// Floats for the codes that the windows of `pixels` see, wherever those begin.
static size_t coded_floats(const struct plan_step *s, const struct window *w, int pixels)
{
    const int rows = (pixels + w->out_w - 2) / w->out_w + 1;
    const int pictures = (rows + w->out_h - 2) / w->out_h + 1;
    const size_t columns = (size_t)layout_padded_columns(w) * KERN_BLOCK;
    return (size_t)(rows + pictures * (w->kernel_h - 1)) * columns *
           (size_t)s->in_blocks / sizeof(float);
}

static void reserve(size_t *room, size_t need)
{
    if (*room < need)
        *room = need;
}

static void note_scratch(struct layout *out, const struct plan *plan,
                         const struct plan_step *s, const struct window *w)
{
    size_t taps = (size_t)w->kernel_h * (size_t)w->kernel_w;
    // A strip has two columns of three more than pixels.
    size_t strip = (KERN_STRIP + 2) * 3, pointers = KERN_ROWS_MAX * taps;
    pointers = pointers < strip ? strip : pointers;
    if (s->kind == STEP_GEMM || s->kind == STEP_WINOGRAD) {
        size_t row = (size_t)s->k_blocks * KERN_BLOCK;
        if (s->kind == STEP_WINOGRAD) // the products of one column panel stand behind
            row = KERN_WINO_PLACES * (row + KERN_COLS_MAX);
        size_t size = kern_element_size(s->element);
        const int rows = layout_chunk_rows(plan, s);
        if (s->strassen)
            reserve(&out->strassen, strassen_scratch_floats(s));
        else
            reserve(&out->panel, (size_t)rows * row * size / sizeof(float) + 1);
        if (s->coded)
            reserve(&out->codes, coded_floats(s, w, rows));
        else if (s->more)
            reserve(&out->codes,
                    (size_t)(layout_strip_tiles(s) * s->tile->rows * s->in_blocks) *
                        KERN_BLOCK * kern_element_size(KERN_U12) / sizeof(float));
        pointers = pointers < KERN_WINO_PLACES ? KERN_WINO_PLACES : pointers;
    }
    reserve(&out->taps, pointers);
    int widest = s->in_blocks > s->out_blocks ? s->in_blocks : s->out_blocks;
    if (widest * KERN_BLOCK > out->widest)
        out->widest = widest * KERN_BLOCK;
}

static size_t value_floats(const struct placer *p, int value, int batch)
{
    const struct net_shape *shape = &p->out->shapes[value];
    return memory_round((size_t)batch * (size_t)shape->h * (size_t)shape->w *
                        (size_t)plan_blocks(p->plan->net.nodes[value].channels) *
                        KERN_BLOCK);
}

// First gap between live spans, which are kept in order of place.
static size_t place(struct region *r, int value, size_t len)
{
    size_t at = 0;
    int i = 0;
    for (; i < r->count && r->live[i].start < at + len; i++)
        at = r->live[i].start + r->live[i].len;
    for (int j = r->count++; j > i; j--)
        r->live[j] = r->live[j - 1];
    r->live[i] = (struct span){at, len, value};
    if (at + len > r->floats)
        r->floats = at + len;
    return at;
}

static void drop_dead(const struct placer *p, struct region *r, int step)
{
    int kept = 0;
    for (int i = 0; i < r->count; i++)
        if (p->last[r->live[i].value] > step)
            r->live[kept++] = r->live[i];
    r->count = kept;
}

// The step's value may replace what it adds when nobody reads that afterwards and no
// other pixel of this step does.
static bool replaces_add(const struct placer *p, int step)
{
    const struct plan_step *s = &p->plan->steps[step];
    return s->add >= 0 && s->add != s->src && p->last[s->add] == step &&
           !p->kept[s->add] && p->inner[s->add] == p->inner[s->node];
}

static void rename_span(struct region *r, int from, int to)
{
    for (int i = 0; i < r->count; i++)
        if (r->live[i].value == from)
            r->live[i].value = to;
}

static void place_all(struct placer *p, int batch)
{
    struct layout *out = p->out;
    for (int i = 0; i < p->plan->count; i++) {
        const struct plan_step *s = &p->plan->steps[i];
        struct region *r = &p->regions[p->inner[s->node]];
        if (replaces_add(p, i)) {
            out->value[s->node] = out->value[s->add];
            rename_span(r, s->add, s->node);
        } else {
            out->value[s->node] = place(r, s->node, value_floats(p, s->node, batch));
        }
        drop_dead(p, &p->regions[0], i);
        drop_dead(p, &p->regions[1], i);
    }
    out->outer = p->regions[0].floats;
    for (int i = 0; i < p->plan->net.count; i++)
        out->value[i] += p->inner[i] ? out->outer : 0;
    out->floats = out->outer + p->regions[1].floats;
    for (int i = 0; i < p->plan->count; i++) {
        const struct plan_step *s = &p->plan->steps[i];
        struct layout_step *l = &out->steps[i];
        l->src = (ptrdiff_t)out->value[s->src];
        l->dst = (ptrdiff_t)out->value[s->node];
        l->add = s->add < 0 ? 0 : (ptrdiff_t)out->value[s->add];
    }
}

static void find_last_reads(struct placer *p)
{
    const struct plan *plan = p->plan;
    for (int i = 0; i < plan->count; i++) {
        p->last[plan->steps[i].src] = i;
        if (plan->steps[i].add >= 0)
            p->last[plan->steps[i].add] = i;
    }
    // What a caller may ask for lives to the end.
    p->last[p->out->map] = p->last[p->out->features] = p->last[plan->net.count - 1] =
        plan->count;
}

// What a band reads from outside must outlive all of its steps.
static void note_bands(struct placer *p)
{
    for (int i = 0; i < p->plan->count; i++) {
        const int count = p->out->steps[i].band;
        for (int k = i; k < i + count; k++) {
            const struct plan_step *s = &p->plan->steps[k];
            p->kept[s->src] = true;
            p->inner[s->node] = k < i + count - 1;
            if (p->last[s->src] < i + count - 1)
                p->last[s->src] = i + count - 1;
            if (s->add >= 0 && p->last[s->add] < i + count - 1)
                p->last[s->add] = i + count - 1;
        }
    }
}

enum err_code layout_open(const struct plan *plan, int height, int width, int batch,
                          int members, struct layout *out, struct err *e)
{
    size_t nodes = (size_t)plan->net.count, steps = (size_t)plan->count;
    *out = (struct layout){.shapes = mem_new(nodes * sizeof *out->shapes),
                           .steps = mem_new(steps * sizeof *out->steps),
                           .value = mem_new(nodes * sizeof *out->value),
                           .map = plan->net.nodes[plan->pooled].in[0],
                           .features = plan->pooled,
                           .widest = KERN_COLS_MAX};
    enum err_code rc = net_shapes(&plan->net, height, width, out->shapes, e);
    if (rc != ERR_OK) {
        layout_release(out);
        return rc;
    }
    for (size_t i = 0; i < steps; i++) {
        const struct plan_step *s = &plan->steps[i];
        const struct net_shape *shape = &out->shapes[s->node];
        out->steps[i].window = window_of(plan, s, out->shapes);
        out->steps[i].pixels = shape->h * shape->w;
        note_scratch(out, plan, s, &out->steps[i].window);
    }
    struct placer p = {.plan = plan,
                       .out = out,
                       .last = mem_new(nodes * sizeof *p.last),
                       .kept = mem_new(nodes * sizeof *p.kept),
                       .inner = mem_new(nodes * sizeof *p.inner)};
    for (int i = 0; i < 2; i++)
        p.regions[i].live = mem_new((nodes + 1) * sizeof *p.regions[i].live);
    find_last_reads(&p);
    band_find(plan, out, p.last, (struct band_team){batch, members});
    note_bands(&p);
    place_all(&p, batch);
    free(p.last);
    free(p.kept);
    free(p.inner);
    free(p.regions[0].live);
    free(p.regions[1].live);
    return ERR_OK;
}

void layout_release(struct layout *layout)
{
    free(layout->shapes);
    free(layout->steps);
    free(layout->value);
    *layout = (struct layout){0};
}

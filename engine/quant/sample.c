#include "engine/quant/sample.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

int sample_node(const struct plan *plan, int step)
{
    const struct plan_step *s = &plan->steps[step];
    const bool runs = s->kind == STEP_GEMM || s->kind == STEP_WINOGRAD;
    return runs && net_quant_suits(&plan->net, s->main) ? s->main : -1;
}

int sample_channels(const struct sample *s, int node)
{
    const struct net *net = &s->plan->net;
    return s->outputs ? net->nodes[node].channels : net_quant_inputs(net, node);
}

enum err_code sample_open(const struct plan *plan, bool outputs, size_t pictures,
                          int rows, struct sample *out, struct err *e)
{
    *out = (struct sample){plan, outputs, (int)pictures, rows, NULL};
    out->values = mem_new((size_t)plan->net.count * sizeof *out->values);
    for (int i = 0; i < plan->count; i++) {
        int node = sample_node(plan, i);
        if (node < 0)
            continue;
        size_t channels = (size_t)sample_channels(out, node);
        out->values[node] =
            mem_array(pictures * (size_t)rows, channels * sizeof **out->values);
        if (!out->values[node]) {
            sample_release(out);
            return err_set(e, ERR_NOMEM, "no memory for samples of %zu pictures",
                           pictures);
        }
    }
    return ERR_OK;
}

void sample_release(struct sample *s)
{
    for (int i = 0; s->values && i < s->plan->net.count; i++)
        free(s->values[i]);
    free(s->values);
    *s = (struct sample){0};
}

void sample_tile_first(const struct exec *x, const struct exec_part *part, struct tile *t)
{
    *t = (struct tile){.first = part->rows.first, .values = part->left};
    const struct plan_step *s = &x->plan->steps[part->step];
    t->rows = exec_tile_rows(s, part->rows.last - t->first);
}

bool sample_tile_next(const struct exec *x, const struct exec_part *part, struct tile *t)
{
    const struct plan_step *s = &x->plan->steps[part->step];
    t->values += (ptrdiff_t)t->rows * s->k_blocks * KERN_BLOCK;
    t->first += t->rows;
    if (t->first >= part->rows.last)
        return false;
    t->rows = exec_tile_rows(s, part->rows.last - t->first);
    return true;
}

int sample_pixel(int pixels, int rows, int i, size_t picture)
{
    int shift = (int)(picture * 2654435761U % (size_t)pixels);
    return (int)(((long)i * pixels / rows + shift) % pixels);
}

void sample_read(const struct exec *x, const struct exec_part *part, int pixel, float *to,
                 int channels)
{
    struct tile t;
    sample_tile_first(x, part, &t);
    while (pixel >= t.first + t.rows)
        (void)sample_tile_next(x, part, &t);
    const float *row = t.values + (ptrdiff_t)(pixel - t.first) * KERN_BLOCK;
    for (int k = 0; k < channels; k++)
        to[k] = row[(ptrdiff_t)(k / KERN_BLOCK) * t.rows * KERN_BLOCK + k % KERN_BLOCK];
}

static void take_output(const struct exec *x, const struct exec_part *part, int pixel,
                        float *to, int channels)
{
    const struct plan_step *s = &x->plan->steps[part->step];
    const int wide = s->tile->cols;
    int first = part->panels.first * wide, last = part->panels.last * wide;
    last = last < channels ? last : channels;
    const float *row = x->values + x->layout->steps[part->step].dst +
                       (ptrdiff_t)pixel * s->out_blocks * KERN_BLOCK;
    if (first < last)
        memcpy(to + first, row + first, (size_t)(last - first) * sizeof *to);
}

void sample_take(struct sample *s, const struct exec *x, const struct exec_part *part,
                 size_t picture)
{
    int node = sample_node(x->plan, part->step);
    if (node < 0 || picture >= (size_t)s->pictures)
        return;
    if (!s->outputs && part->panels.first > 0)
        return; // another member tells of these rows
    const int pixels = x->layout->steps[part->step].pixels;
    const int channels = sample_channels(s, node);
    float *to = s->values[node] + (ptrdiff_t)picture * s->rows * channels;
    for (int i = 0; i < s->rows; i++, to += channels) {
        int pixel = sample_pixel(pixels, s->rows, i, picture);
        if (pixel < part->rows.first || pixel >= part->rows.last)
            continue;
        if (s->outputs)
            take_output(x, part, pixel, to, channels);
        else
            sample_read(x, part, pixel, to, channels);
    }
}

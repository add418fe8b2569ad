#include "engine/exec/exec.h"

// Steps without a GEMM; the team divides pixels, for the mean channels.

static void run_picture(const struct exec *x, int step, struct exec_share rows)
{
    const struct layout_step *l = &x->layout->steps[step];
    ptrdiff_t plane = l->pixels;
    for (ptrdiff_t m = rows.first; m < rows.last; m++) {
        const float *src = x->input + m / plane * 3 * plane + m % plane;
        float *dst = x->values + (l->dst + m * KERN_BLOCK);
        for (int c = 0; c < KERN_BLOCK; c++)
            dst[c] = c < 3 ? src[c * plane] : 0;
    }
}

static void run_depthwise(const struct exec *x, int step, const struct exec_member *me,
                          struct exec_share rows)
{
    const struct plan_step *s = &x->plan->steps[step];
    ptrdiff_t pixel = (ptrdiff_t)s->out_blocks * KERN_BLOCK;
    struct kern_dw_f32 k = {.dst_pixel = pixel,
                            .dst_block = KERN_BLOCK,
                            .weight = s->weight,
                            .bias = s->bias,
                            .blocks = s->out_blocks,
                            .relu_in = s->relu_in,
                            .relu_out = s->relu};
    const ptrdiff_t dst = x->layout->steps[step].dst;
    for (int m = rows.first; m < rows.last; m += KERN_ROWS_MAX) {
        int pixels = rows.last - m < KERN_ROWS_MAX ? rows.last - m : KERN_ROWS_MAX;
        k.dst = x->values + (dst + m * pixel);
        exec_depthwise(x, step, me, m, pixels, k);
    }
}

static void run_maxpool(const struct exec *x, int step, const struct exec_member *me,
                        struct exec_share rows)
{
    const struct plan_step *s = &x->plan->steps[step];
    const struct layout_step *l = &x->layout->steps[step];
    ptrdiff_t pixel = (ptrdiff_t)s->out_blocks * KERN_BLOCK;
    struct kern_maxpool_f32 k = {.dst_pixel = pixel,
                                 .add_pixel = pixel,
                                 .in = me->taps,
                                 .pixels = 1,
                                 .taps = l->window.kernel_h * l->window.kernel_w,
                                 .blocks = s->out_blocks,
                                 .relu = s->relu};
    const struct exec_source src = {&l->window, x->values + l->src, x->lowest};
    struct exec_pixel at = exec_pixel_at(&l->window, rows.first);
    for (int m = rows.first; m < rows.last; m++, exec_pixel_next(&l->window, &at)) {
        exec_taps(&src, at, me->taps);
        k.dst = x->values + (l->dst + m * pixel);
        k.add = s->add < 0 ? NULL : x->values + (l->add + m * pixel);
        x->plan->kern.maxpool_f32(&k);
    }
}

static void run_affine(const struct exec *x, int step, struct exec_share rows)
{
    const struct plan_step *s = &x->plan->steps[step];
    const struct layout_step *l = &x->layout->steps[step];
    ptrdiff_t pixel = (ptrdiff_t)s->out_blocks * KERN_BLOCK, at = rows.first * pixel;
    x->plan->kern.affine_f32(
        &(struct kern_affine_f32){.dst = x->values + l->dst + at,
                                  .src = x->values + l->src + at,
                                  .weight = s->weight,
                                  .bias = s->bias,
                                  .add = s->add < 0 ? NULL : x->values + l->add + at,
                                  .pixels = (size_t)(rows.last - rows.first),
                                  .pixel = pixel,
                                  .blocks = s->out_blocks,
                                  .relu = s->relu});
}

static void run_mean(const struct exec *x, int step, int member, int members)
{
    const struct plan_step *s = &x->plan->steps[step];
    const struct layout_step *l = &x->layout->steps[step];
    struct exec_share blocks = exec_share(s->out_blocks, member, members);
    int pixels = l->window.in_h * l->window.in_w;
    ptrdiff_t pixel = (ptrdiff_t)s->out_blocks * KERN_BLOCK;
    struct kern_sum_f32 k = {.pixels = (size_t)pixels,
                             .pixel = pixel,
                             .scale = 1.0F / (float)pixels,
                             .blocks = blocks.last - blocks.first};
    for (int i = 0; i < x->pictures; i++) {
        k.src = x->values + l->src + i * pixels * pixel + blocks.first * KERN_BLOCK;
        k.dst = x->values + l->dst + i * pixel + blocks.first * KERN_BLOCK;
        x->plan->kern.sum_f32(&k);
    }
}

// Pixels, or tiles or pairs of them, in so many rows.
static int units_of(const struct exec *x, int step, int rows)
{
    const struct window *w = &x->layout->steps[step].window;
    const struct plan_step *s = &x->plan->steps[step];
    return s->kind == STEP_WINOGRAD ? exec_winograd_tiles(w, rows)
           : s->strassen            ? exec_strassen_pairs(w, rows)
                                    : rows * w->out_w;
}

static void run_units(const struct exec *x, int step, const struct exec_member *me,
                      struct exec_share units)
{
    switch (x->plan->steps[step].kind) {
    case STEP_PICTURE:
        run_picture(x, step, units);
        break;
    case STEP_GEMM:
        if (x->plan->steps[step].strassen)
            exec_strassen(x, step, me, units);
        else
            exec_gemm(x, step, me, units);
        break;
    case STEP_WINOGRAD:
        exec_winograd(x, step, me, units);
        break;
    case STEP_DEPTHWISE:
        run_depthwise(x, step, me, units);
        break;
    case STEP_MAXPOOL:
        run_maxpool(x, step, me, units);
        break;
    case STEP_AFFINE:
        run_affine(x, step, units);
        break;
    case STEP_MEAN:
        break;
    }
}

void exec_rows(const struct exec *x, int step, const struct exec_member *me, int picture,
               struct exec_share rows)
{
    const struct window *w = &x->layout->steps[step].window;
    const int before = picture * units_of(x, step, w->out_h);
    run_units(x, step, me,
              (struct exec_share){before + units_of(x, step, rows.first),
                                  before + units_of(x, step, rows.last)});
}

void exec_step(const struct exec *x, int step, int member, int members)
{
    const enum step_kind kind = x->plan->steps[step].kind;
    const struct window *w = &x->layout->steps[step].window;
    const bool strassen = x->plan->steps[step].strassen, seen = strassen && x->observer;
    if (kind == STEP_MEAN) {
        run_mean(x, step, member, members);
    } else if (kind == STEP_WINOGRAD && x->observer) {
        if (member == 0) // who is told finds all of it done
            exec_winograd_seen(x, step, &x->member[member]);
    } else if (kind == STEP_GEMM && !seen && exec_gemm_is_low(x, step, members)) {
        if (strassen)
            exec_strassen_low(x, step, member, members);
        else
            exec_gemm_low(x, step, member, members);
    } else {
        int units = units_of(x, step, w->out_h) * x->pictures;
        run_units(x, step, &x->member[member], exec_share(units, member, members));
    }
}

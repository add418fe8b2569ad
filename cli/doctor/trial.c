#include "cli/doctor/doctor.h"

#include "cli/out/say.h"
#include "cli/run/watch.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/topk.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

// A part of the sample being run.
struct part {
    struct doctor *d;
    struct doctor_trial *trial;
    size_t from, count, base; // base: pictures computed before
    size_t *items;            // the subset
    float *logits;
};

// The sample is small and the failures are few.
static void take_event(void *ctx, const struct pipe_event *event)
{
    const struct part *part = ctx;
    if (!event->row.error)
        return;
    if (part->trial == &part->d->trials[0])
        say_note(part->d->cli, "%s: %s", event->row.file, event->row.error);
    for (size_t i = 0; i < part->count; i++)
        if (part->items[i] == event->item)
            part->trial->answers[part->from + i].ok = false;
}

static void tick(void *ctx, struct pipe_job *job, const struct pipe_progress *progress)
{
    const struct part *part = ctx;
    struct doctor *d = part->d;
    (void)job;
    d->done = part->base + progress->done;
    if (!bar_due(&d->bar))
        return;
    char text[96];
    double seconds = clock_now() - d->began;
    double left =
        seconds / (double)(d->done ? d->done : 1) * (double)(d->planned - d->done);
    (void)snprintf(text, sizeof text, "%s, %.0f s, %.0f s left", d->doing, seconds, left);
    bar_draw(d->done, d->planned, text);
}

static void spread(const float *logits, int n, double *mean, double *deviation)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++)
        sum += (double)logits[i];
    *mean = sum / n;
    for (int i = 0; i < n; i++)
        squares += ((double)logits[i] - *mean) * ((double)logits[i] - *mean);
    *deviation = sqrt(squares / n);
}

static void read_answer(const float *logits, int classes,
                        const struct doctor_picture *picture,
                        struct doctor_answer *answer)
{
    struct topk best[ROW_TOPK];
    double mean, deviation;
    spread(logits, classes, &mean, &deviation);
    answer->count = topk_softmax(logits, classes, ROW_TOPK, best);
    for (int k = 0; k < answer->count; k++)
        answer->top[k] = best[k].index;
    for (int order = 0; order < DOCTOR_ORDERS; order++) {
        int wanted = picture->wanted[order];
        double above = wanted < 0 ? (double)NAN : (double)logits[wanted] - mean;
        answer->score[order] = (float)(deviation > 0 ? above / deviation : above);
    }
}

static enum err_code run_part(struct part *part, struct err *e)
{
    enum err_code rc;
    struct doctor *d = part->d;
    struct pipe_job *job = NULL;
    struct pipe_progress end;
    struct pipe_setup setup = *d->setup;
    struct cli cli = *d->cli;
    setup.prep = part->trial->prep;
    cli.quiet = true; // one progress line for all trials: ours
    const struct pipe_spec spec = {.setup = &setup,
                                   .ds = d->ds,
                                   .subset = part->items,
                                   .subset_count = part->count,
                                   .threads = cli.threads,
                                   .logits = part->logits};
    const struct watch watch = {take_event, tick, part};
    TRY(pipe_job_start(&spec, &job, e));
    watch_job(&cli, job, &watch, &end);
    d->done = part->base + end.done;
    rc = watch_result(&end, e);
    rc = rc == ERR_FAILED ? ERR_OK : rc;
out:
    pipe_job_close(job);
    return rc;
}

enum err_code doctor_run(struct doctor *d, struct doctor_trial *trial, size_t from,
                         size_t to, struct err *e)
{
    size_t cells;
    int classes = eng_model_info(d->setup->model)->classes;
    struct part part = {d, trial, from, to - from, d->done, NULL, NULL};
    if (part.count == 0)
        return ERR_OK;
    part.items = mem_array(part.count, sizeof *part.items);
    if (mem_mul(part.count, (size_t)classes, &cells))
        part.logits = mem_array(cells, sizeof *part.logits);
    enum err_code rc = ERR_OK;
    if (!part.items || !part.logits) {
        rc = err_set(e, ERR_NOMEM, "no memory for the answers to %zu pictures",
                     part.count);
        goto out;
    }
    for (size_t i = 0; i < part.count; i++) {
        part.items[i] = d->sample.pictures[from + i].item;
        trial->answers[from + i].ok = true;
    }
    TRY(run_part(&part, e));
    for (size_t i = 0; i < part.count; i++)
        if (trial->answers[from + i].ok)
            read_answer(part.logits + i * (size_t)classes, classes,
                        &d->sample.pictures[from + i], &trial->answers[from + i]);
    trial->count = to;
out:
    free(part.items);
    free(part.logits);
    return rc;
}

// ---- comparing ----

static int rank(const struct doctor_sample *sample, const struct doctor_trial *trial,
                enum doctor_order order, size_t i)
{
    int wanted = sample->pictures[i].wanted[order];
    for (int k = 0; wanted >= 0 && k < trial->answers[i].count; k++)
        if (trial->answers[i].top[k] == wanted)
            return k;
    return ROW_TOPK;
}

static bool answered(const struct doctor_trial *trial, size_t i)
{
    return i < trial->count && trial->answers[i].ok;
}

void doctor_compare(const struct doctor_sample *sample, const struct doctor_trial *trial,
                    enum doctor_order order, const struct doctor_trial *other,
                    enum doctor_order other_order, struct doctor_figures *out)
{
    double sum = 0;
    size_t finite = 0;
    *out = (struct doctor_figures){0};
    for (size_t i = 0; i < sample->count; i++) {
        if (!answered(trial, i))
            continue;
        int place = rank(sample, trial, order, i);
        double score = (double)trial->answers[i].score[order];
        out->images++;
        out->top1 += place == 0;
        out->top5 += place < ROW_TOPK;
        sum += isfinite(score) ? score : 0;
        finite += isfinite(score);
        if (!answered(other, i))
            continue;
        int other_place = rank(sample, other, other_order, i);
        double other_score = (double)other->answers[i].score[other_order];
        out->better += place == 0 && other_place != 0;
        out->worse += place != 0 && other_place == 0;
        out->higher += score > other_score;
        out->lower += score < other_score;
    }
    out->score = finite ? sum / (double)finite : (double)NAN;
    out->p_top1 = rep_sign_test(out->better, out->worse);
    out->p_score = rep_sign_test(out->higher, out->lower);
}

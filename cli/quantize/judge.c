#include "cli/quantize/quantize.h"

#include "cli/run/watch.h"

#include "base/mem.h"

#include <stdlib.h>

enum { PROBED = 32 }; // pictures

struct running {
    struct quantize_side *side;
    size_t *position; // of an item among the pictures
};

static void run_probed(void *ctx, struct eng_session *session, const float *input,
                       size_t position, const struct eng_output *out)
{
    eng_probe_run(ctx, session, input, position, out);
}

static void take_event(void *ctx, const struct pipe_event *event)
{
    const struct running *running = ctx;
    running->side->best[running->position[event->item]] =
        row_done(&event->row) ? event->row.top[0] : -1;
}

static enum err_code run_side(const struct cli *cli, const struct pipe_setup *setup,
                              const struct ds *ds, const size_t *subset, size_t count,
                              struct running *running, struct err *e)
{
    enum err_code rc;
    struct pipe_job *job = NULL;
    struct pipe_progress end = {0};
    struct quantize_side *side = running->side;
    side->best = mem_array(count, sizeof *side->best);
    if (!side->best)
        TRY(err_set(e, ERR_NOMEM, "no memory for %zu pictures", count));
    TRY(eng_probe_open(setup->model, count < PROBED ? count : PROBED, &side->probe, e));
    const struct pipe_spec spec = {.setup = setup,
                                   .ds = ds,
                                   .subset = subset,
                                   .subset_count = count,
                                   .threads = cli->threads,
                                   .run = run_probed,
                                   .run_ctx = side->probe};
    const struct watch watch = {.on_event = take_event, .ctx = running};
    TRY(pipe_job_start(&spec, &job, e));
    watch_job(cli, job, &watch, &end);
    side->images = end.done;
    side->failed = end.failed;
    side->labelled = end.labelled;
    side->top1 = end.top1;
    side->top5 = end.top5;
    rc = end.code == ERR_OK ? ERR_OK : err_set(e, end.code, "%s", end.message);
out:
    pipe_job_close(job);
    return rc;
}

static void compare(struct quantize_judgement *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool both = out->float32.best[i] >= 0 && out->int8.best[i] >= 0;
        out->both += both;
        out->agreed += both && out->float32.best[i] == out->int8.best[i];
    }
}

enum err_code quantize_judge(const struct cli *cli, const struct pipe_setup *float32,
                             const struct pipe_setup *int8,
                             const struct quantize_pictures *on,
                             struct quantize_judgement *out, struct err *e)
{
    enum err_code rc;
    size_t *position = mem_array(ds_count(on->ds), sizeof *position);
    if (!position)
        return err_set(e, ERR_NOMEM, "no memory for %zu pictures", ds_count(on->ds));
    for (size_t i = 0; i < on->count; i++)
        position[on->items[i]] = i;
    struct running one = {&out->float32, position}, two = {&out->int8, position};
    TRY(run_side(cli, float32, on->ds, on->items, on->count, &one, e));
    TRY(run_side(cli, int8, on->ds, on->items, on->count, &two, e));
    compare(out, on->count);
    out->probed = on->count < PROBED ? on->count : PROBED;
    out->dataset = mem_dup(ds_root(on->ds));
out:
    free(position);
    return rc;
}

static void release_side(struct quantize_side *side)
{
    eng_probe_close(side->probe);
    free(side->best);
}

void quantize_judgement_release(struct quantize_judgement *j)
{
    release_side(&j->float32);
    release_side(&j->int8);
    free(j->dataset);
    *j = (struct quantize_judgement){0};
}

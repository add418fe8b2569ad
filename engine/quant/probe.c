#include "engine/quantize.h"

#include "engine/exec/model.h"
#include "engine/quant/sample.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

enum { PROBE_ROWS = 24 };

struct eng_probe {
    struct sample sample;
};

struct watching {
    struct eng_probe *probe;
    size_t picture;
};

enum err_code eng_probe_open(const struct eng_model *model, size_t pictures,
                             struct eng_probe **out, struct err *e)
{
    struct eng_probe *p = mem_new(sizeof *p);
    enum err_code rc =
        sample_open(&model->plan, true, pictures, PROBE_ROWS, &p->sample, e);
    if (rc != ERR_OK) {
        free(p);
        return rc;
    }
    *out = p;
    return ERR_OK;
}

void eng_probe_close(struct eng_probe *probe)
{
    if (!probe)
        return;
    sample_release(&probe->sample);
    free(probe);
}

static void see(void *ctx, const struct exec *x, const struct exec_part *part)
{
    const struct watching *w = ctx;
    sample_take(&w->probe->sample, x, part, w->picture);
}

void eng_probe_run(struct eng_probe *probe, struct eng_session *session,
                   const float *input, size_t picture, const struct eng_output *out)
{
    struct watching w = {probe, picture};
    const struct exec_observer observer = {see, &w};
    exec_observe(session, &observer);
    eng_session_run(session, input, 1, out);
    exec_observe(session, NULL);
}

double eng_probe_sqnr(const struct eng_probe *reference, const struct eng_probe *other,
                      int layer)
{
    const struct sample *a = &reference->sample, *b = &other->sample;
    const int node = layer + 1;
    double signal = 0, noise = 0;
    if (!a->values[node] || !b->values[node])
        return (double)NAN;
    size_t count =
        (size_t)a->pictures * (size_t)a->rows * (size_t)sample_channels(a, node);
    for (size_t i = 0; i < count; i++) {
        double x = (double)a->values[node][i], d = (double)b->values[node][i] - x;
        signal += x * x;
        noise += d * d;
    }
    return 10 * log10(signal / noise);
}

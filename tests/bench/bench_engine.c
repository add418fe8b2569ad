// Whole networks against the multiply-add peak of the same moment:
//     bench_engine [MODEL [THREADS [BATCH [ROUNDS [SIZE [ISA [PRECISION]]]]]]]
// MODEL is one of the synthetic ones ("timm_xception"). Network and peak loop take turns,
// so that a busy machine slows both; medians are printed, and a table of layers.

#include "engine/engine.h"
#include "engine/exec/model.h"
#include "engine/model/arch.h"
#include "tests/support/synth.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct setup {
    const char *model, *isa, *precision;
    int threads, batch, rounds, size;
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Sorts; the best is x[0] afterwards.
static double median(double *x, int n)
{
    qsort(x, (size_t)n, sizeof *x, by_value);
    return x[n / 2];
}

// Int8 weights for the clock alone: their values mean nothing.
static void quantize_crudely(struct net *net)
{
    for (int i = 0; i < net->count; i++) {
        struct net_node *n = &net->nodes[i];
        if (!net_quant_suits(net, i))
            continue;
        size_t in = (size_t)net_in_channels(net, i), out = (size_t)n->channels;
        size_t count = (size_t)net_quant_inputs(net, i) * out;
        struct net_quant *q = mem_new(sizeof *q);
        q->in_scale = mem_new(in * sizeof *q->in_scale);
        q->in_zero = mem_new(in * sizeof *q->in_zero);
        q->weight = mem_new(count);
        q->out_scale = mem_new(out * sizeof *q->out_scale);
        for (size_t k = 0; k < in; k++)
            q->in_scale[k] = 16, q->in_zero[k] = 64;
        for (size_t k = 0; k < count; k++)
            q->weight[k] = (int8_t)(n->weight[k] > 0 ? 9 : -9);
        for (size_t k = 0; k < out; k++)
            q->out_scale[k] = 1e-3F;
        n->quant = q;
    }
}

static enum err_code open_model(const struct setup *setup, struct eng_model **model,
                                struct err *e)
{
    struct bag bag = {0};
    struct net net = {0};
    struct eng_opts opts = {0};
    enum err_code rc;
    TRY(eng_isa_choose(setup->isa, &opts.isa, e));
    const int precision = eng_precision_find(setup->precision);
    if (precision < 0)
        return err_set(e, ERR_USAGE, "precision %s: expected float32, bf16 or int8",
                       setup->precision);
    opts.precision = (enum eng_precision)precision;
    TRY(synth_bag(setup->model, &bag, e));
    TRY(arch_build(&bag, NULL, &net, e));
    bag_release(&bag);
    TRY(net_fold(&net, e));
    if (opts.precision == ENG_INT8)
        quantize_crudely(&net);
    TRY(eng_model_from_net(&net, setup->model, &opts, model, e));
out:
    bag_release(&bag);
    net_release(&net);
    return rc;
}

// times: [layers][rounds]
static void print_layers(const struct eng_info *info, const struct setup *setup,
                         double *times, double peak)
{
    printf("%-44s %-10s %12s %8s %8s %7s\n", "layer", "op", "out", "ms", "GMAC",
           "% peak");
    for (int i = 0; i < info->layer_count; i++) {
        const struct eng_layer *l = &info->layers[i];
        double *runs = times + (size_t)i * (size_t)setup->rounds;
        double t = median(runs, setup->rounds);
        double macs = (double)l->macs * setup->batch;
        if (t <= 0)
            continue;
        // The depthwise convolution that runs inside this step.
        if (i > 0 && strncmp(info->layers[i - 1].op, "depthwise", 9) == 0)
            macs += (double)info->layers[i - 1].macs * setup->batch;
        printf("%-36s %-10s %4dx%3dx%3d %8.3f %8.3f %8.4f %7.1f\n", l->name, l->op,
               l->out_c, l->out_h, l->out_w, t * 1e3, runs[0] * 1e3, macs * 1e-9,
               200e-9 * macs / runs[0] / peak);
    }
}

static void measure(const struct setup *setup, const struct eng_model *model,
                    struct eng_session *session)
{
    const struct eng_info *info = eng_model_info(model);
    size_t rounds = (size_t)setup->rounds, layers = (size_t)info->layer_count;
    size_t plane = (size_t)setup->size * (size_t)setup->size * 3;
    float *input = mem_new((size_t)setup->batch * plane * sizeof *input);
    float *logits =
        mem_new((size_t)setup->batch * (size_t)info->classes * sizeof *logits);
    double *total = mem_new(rounds * sizeof *total);
    double *peaks = mem_new(rounds * sizeof *peaks);
    double *shares = mem_new(rounds * sizeof *shares);
    double *times = mem_new(rounds * layers * sizeof *times);
    double *seconds = mem_new(layers * sizeof *seconds);
    struct eng_output out = {.logits = logits};
    for (int i = 0; i < setup->batch; i++)
        synth_image("A", setup->size, setup->size, input + (size_t)i * plane);
    eng_session_run(session, input, setup->batch, &out);
    for (size_t r = 0; r < rounds; r++) {
        peaks[r] = eng_peak_gflops(info->isa, setup->threads);
        double start = clock_now();
        eng_session_run(session, input, setup->batch, &out);
        total[r] = clock_now() - start;
        shares[r] = 2e-9 * (double)info->macs * setup->batch / total[r] / peaks[r];
        eng_session_layer_seconds(session, seconds);
        for (size_t i = 0; i < layers; i++)
            times[i * rounds + r] = seconds[i];
    }
    double share = median(shares, setup->rounds), peak = median(peaks, setup->rounds);
    double time = median(total, setup->rounds), best_peak = peaks[rounds - 1];
    double macs = 0;
    print_layers(info, setup, times, best_peak);
    for (size_t i = 0; i < layers; i++)
        macs += (double)info->layers[i].macs;
    printf("model=%s isa=%s threads=%d batch=%d size=%d ms_per_picture=%.2f best=%.2f "
           "peak_gflops=%.1f best=%.1f share=%.3f best=%.3f\n",
           setup->model, eng_isa_name(info->isa), setup->threads, setup->batch,
           setup->size, 1e3 * time / setup->batch, 1e3 * total[0] / setup->batch, peak,
           best_peak, share, 2e-9 * macs * setup->batch / total[0] / best_peak);
    free(input);
    free(logits);
    free(total);
    free(peaks);
    free(shares);
    free(times);
    free(seconds);
}

static int number_or(int argc, char **argv, int i, int fallback)
{
    return argc > i ? (int)strtol(argv[i], NULL, 10) : fallback;
}

int main(int argc, char **argv)
{
    struct setup setup = {.model = argc > 1 ? argv[1] : "timm_xception",
                          .threads = number_or(argc, argv, 2, 2),
                          .batch = number_or(argc, argv, 3, 1),
                          .rounds = number_or(argc, argv, 4, 11),
                          .size = number_or(argc, argv, 5, 299),
                          .isa = argc > 6 ? argv[6] : NULL,
                          .precision = argc > 7 ? argv[7] : "float32"};
    struct err e = {0};
    struct eng_model *model = NULL;
    struct eng_session *session = NULL;
    enum err_code rc;
    TRY(open_model(&setup, &model, &e));
    TRY(eng_session_open(model, setup.size, setup.size, setup.batch, setup.threads,
                         &session, &e));
    measure(&setup, model, session);
out:
    if (rc != ERR_OK)
        (void)fprintf(stderr, "bench_engine: %s\n", e.msg);
    eng_session_close(session);
    eng_model_close(model);
    return rc != ERR_OK;
}

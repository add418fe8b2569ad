#include "cli/bench/bench.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define TURN_SECONDS 1.0 // then the peak is measured
#define REST_SECONDS 0.002
#define WARM_SECONDS 0.2
enum { WARM_BATCHES = 2 };

struct work {
    struct eng_session *session;
    float *picture;        // which a batch is copies of
    size_t values;         // of a picture
    float *input, *logits; // [batch]
    double *layers;        // of the last batch
    double handed_over;    // when the next batch was
};

void bench_rest(void)
{
    clock_sleep(REST_SECONDS);
}

bool bench_is_done(const struct bench_spec *spec, const struct bench_instance *instance)
{
    return instance->count == instance->cap ||
           (spec->iterations && (long)instance->count >= spec->iterations) ||
           (spec->seconds > 0 && instance->busy >= spec->seconds);
}

// Noise, so that no value is treated as a special one.
static void fill_picture(float *picture, size_t n, int self)
{
    uint32_t state = 1 + (uint32_t)self;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525U + 1013904223U;
        picture[i] = (float)(state >> 8) * 0x1p-23F - 1;
    }
}

static void hand_over(const struct bench_spec *spec, const struct work *w)
{
    for (int i = 0; i < spec->batch; i++)
        memcpy(w->input + (size_t)i * w->values, w->picture, w->values * sizeof(float));
}

static enum err_code open_work(const struct bench_spec *spec, int self, struct work *w,
                               struct err *e)
{
    const struct eng_info *info = eng_model_info(spec->model);
    size_t batch = (size_t)spec->batch;
    int threads = spec->threads / spec->instances +
                  (self < spec->threads % spec->instances ? 1 : 0);
    w->values = 3 * (size_t)spec->height * (size_t)spec->width;
    w->picture = mem_array(w->values, sizeof *w->picture);
    w->input = mem_array(batch, w->values * sizeof *w->input);
    w->logits = mem_array(batch * (size_t)info->classes, sizeof *w->logits);
    w->layers = mem_new((size_t)info->layer_count * sizeof *w->layers);
    if (!w->picture || !w->input || !w->logits)
        return err_set(e, ERR_NOMEM, "bench: no memory for %d pictures of %dx%d",
                       spec->batch, spec->width, spec->height);
    fill_picture(w->picture, w->values, self);
    hand_over(spec, w);
    return eng_session_open(spec->model, spec->height, spec->width, spec->batch,
                            threads > 1 ? threads : 1, &w->session, e);
}

static void close_work(struct work *w)
{
    eng_session_close(w->session);
    free(w->picture);
    free(w->input);
    free(w->logits);
    free(w->layers);
}

static void run_batch(const struct bench_spec *spec, const struct work *w)
{
    eng_session_run(w->session, w->input, spec->batch,
                    &(struct eng_output){.logits = w->logits});
}

static void warm_up(const struct bench_spec *spec, const struct work *w)
{
    double begin = clock_now();
    for (int i = 0; i < WARM_BATCHES || clock_now() < begin + WARM_SECONDS; i++)
        run_batch(spec, w);
}

// Where batches wait, the next one is handed over as the one before begins.
static void time_batch(const struct bench_spec *spec, struct work *w,
                       struct bench_instance *instance)
{
    if (spec->wait) {
        w->handed_over = clock_now();
        hand_over(spec, w);
    }
    double begin = clock_now();
    run_batch(spec, w);
    double end = clock_now();
    instance->model[instance->count] = end - begin;
    instance->e2e[instance->count++] = end - w->handed_over;
    w->handed_over = begin;
    eng_session_layer_seconds(w->session, w->layers);
    for (int i = 0; i < eng_model_info(spec->model)->layer_count; i++)
        instance->layers[i] += w->layers[i];
}

static void take_turn(const struct bench_spec *spec, const struct bench_turns *turns,
                      struct work *w, struct bench_instance *instance)
{
    double begin = clock_now(), before = instance->busy;
    w->handed_over = begin;
    while (!bench_is_done(spec, instance) && instance->busy < before + TURN_SECONDS &&
           atomic_load(&turns->turn) != BENCH_QUIT) {
        time_batch(spec, w, instance);
        instance->busy = before + clock_now() - begin;
    }
}

static void take_turns(const struct bench_spec *spec, struct bench_turns *turns,
                       struct work *w, struct bench_instance *instance)
{
    int turn, last = 0;
    warm_up(spec, w);
    atomic_fetch_add(&turns->arrived, 1);
    while ((turn = atomic_load(&turns->turn)) != BENCH_QUIT) {
        if (turn == last) {
            bench_rest();
            continue;
        }
        take_turn(spec, turns, w, instance);
        last = turn;
        atomic_fetch_add(&turns->arrived, 1);
    }
}

void bench_instance_run(const struct bench_spec *spec, struct bench_turns *turns,
                        struct bench_instance *instance, int self)
{
    struct work w = {0};
    struct err e = {0};
    if (open_work(spec, self, &w, &e) == ERR_OK) {
        take_turns(spec, turns, &w, instance);
    } else {
        turns->err = e;
        atomic_store(&turns->failed, true);
    }
    close_work(&w);
}

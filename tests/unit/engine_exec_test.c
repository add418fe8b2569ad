#include "engine/engine.h"
#include "engine/exec/exec.h"
#include "engine/exec/model.h"

#include "tests/support/interp.h"
#include "tests/support/isas.h"
#include "tests/support/sketch.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Random nets, run by the engine and by the interpreter, which shares nothing with it.

static void run(const struct eng_model *model, const struct sketch *s, int batch,
                int threads, const float *input, const struct eng_output *out)
{
    struct err e = {0};
    struct eng_session *session = NULL;
    if (eng_session_open(model, s->h, s->w, batch, threads, &session, &e))
        fail_msg("%s", e.msg);
    eng_session_run(session, input, batch, out);
    eng_session_close(session);
}

// Copies of a net for both sides: the engine takes its own.
static struct eng_model *open_sketch(sketch_fn *sketch, uint32_t seed, enum eng_isa isa)
{
    struct sketch s;
    struct err e = {0};
    struct eng_model *model = NULL;
    sketch(&s, seed);
    if (net_check(&s.net, &e) ||
        eng_model_from_net(&s.net, "random", &(struct eng_opts){.isa = isa}, &model, &e))
        fail_msg("seed %u: %s", seed, e.msg);
    return model;
}

static struct eng_model *open_random(uint32_t seed, enum eng_isa isa)
{
    return open_sketch(sketch_random, seed, isa);
}

static void assert_like_interpreter(sketch_fn *sketch, uint32_t seed, enum eng_isa isa)
{
    enum { BATCH = 3 };
    struct sketch s;
    struct err e = {0};
    float want[BATCH][SKETCH_CLASSES], got[BATCH * SKETCH_CLASSES],
        again[BATCH * SKETCH_CLASSES];
    sketch(&s, seed);
    size_t picture = 3 * (size_t)s.h * (size_t)s.w;
    float *input = sketch_floats(BATCH * picture, 1);
    for (int i = 0; i < BATCH; i++)
        if (interp_run(&s.net, s.h, s.w, input + (size_t)i * picture, want[i], &e))
            fail_msg("%s", e.msg);
    struct eng_model *model = open_sketch(sketch, seed, isa);
    int classes = eng_model_info(model)->classes;
    run(model, &s, BATCH, 1, input, &(struct eng_output){.logits = got});
    for (int i = 0; i < BATCH; i++)
        for (int c = 0; c < classes; c++) {
            double size = fmax(1, fabs((double)want[i][c]));
            if (!(fabs((double)got[i * classes + c] - (double)want[i][c]) <= 1e-4 * size))
                fail_msg("seed %u %s, class %d: got %g, want %g", seed, eng_isa_name(isa),
                         c, (double)got[i * classes + c], (double)want[i][c]);
        }
    for (int threads = 2; threads <= 7; threads += 5) {
        run(model, &s, BATCH, threads, input, &(struct eng_output){.logits = again});
        assert_memory_equal(got, again, (size_t)(BATCH * classes) * sizeof *got);
    }
    eng_model_close(model);
    net_release(&s.net);
    free(input);
}

static void assert_all_like_interpreter(sketch_fn *sketch, uint32_t seeds)
{
    for (int isa = ENG_ISA_SCALAR; isa < ENG_ISA_COUNT; isa++) {
        if (!isa_is_here((enum eng_isa)isa))
            continue;
        for (uint32_t seed = 1; seed <= seeds; seed++)
            assert_like_interpreter(sketch, seed, (enum eng_isa)isa);
    }
}

static void random_nets_run_as_interpreted(void **unused)
{
    (void)unused;
    assert_all_like_interpreter(sketch_random, 250);
}

static void wide_nets_run_as_interpreted(void **unused)
{
    (void)unused;
    int strassen = 0;
    struct eng_model *model = open_sketch(sketch_wide, 1, ENG_ISA_SCALAR);
    for (int i = 0; i < model->plan.count; i++)
        strassen += model->plan.steps[i].strassen;
    eng_model_close(model);
    assert_true(strassen > 0);
    assert_all_like_interpreter(sketch_wide, 4);
}

static int count_bands(const struct eng_model *model, const struct sketch *s, int batch)
{
    struct layout layout;
    struct err e = {0};
    int bands = 0;
    assert_int_equal(layout_open(&model->plan, s->h, s->w, batch, 1, &layout, &e),
                     ERR_OK);
    for (int i = 0; i < model->plan.count; i++)
        bands += layout.steps[i].band > 0;
    layout_release(&layout);
    return bands;
}

// The steps of a network taken together, rows at a time, against the same steps one by
// one, for teams of one to four. Returns how many steps were in bands.
static int assert_bands_change_nothing(uint32_t seed, enum eng_isa isa)
{
    enum { BATCH = 2 };
    static const int kilobytes[] = {8, 32};
    int bands = 0;
    struct sketch s;
    float want[BATCH * SKETCH_CLASSES], got[BATCH * SKETCH_CLASSES];
    sketch_random(&s, seed);
    struct eng_model *model = open_random(seed, isa);
    float *input = sketch_floats(BATCH * 3 * (size_t)s.h * (size_t)s.w, 1);
    size_t bytes = (size_t)(BATCH * eng_model_info(model)->classes) * sizeof *got;
    assert_int_equal(count_bands(model, &s, BATCH), 0);
    run(model, &s, BATCH, 1, input, &(struct eng_output){.logits = want});
    for (size_t i = 0; i < sizeof kilobytes / sizeof kilobytes[0]; i++) {
        model->plan.band_bytes = kilobytes[i] << 10;
        model->plan.band_rows = 1;
        bands += count_bands(model, &s, BATCH);
        for (int threads = 1; threads <= 4; threads *= 2) {
            run(model, &s, BATCH, threads, input, &(struct eng_output){.logits = got});
            if (memcmp(got, want, bytes) != 0)
                fail_msg("seed %u, %d KiB, %d threads: other bits", seed, kilobytes[i],
                         threads);
        }
    }
    eng_model_close(model);
    net_release(&s.net);
    free(input);
    return bands;
}

static void bands_give_the_same_bits(void **unused)
{
    (void)unused;
    enum { NETS = 60 };
    enum eng_isa isa;
    int bands = 0;
    assert_int_equal(eng_isa_choose(NULL, &isa, NULL), ERR_OK);
    for (uint32_t seed = 1; seed <= NETS; seed++)
        bands += assert_bands_change_nothing(seed, isa);
    assert_true(bands > NETS / 2);
}

static void features_are_the_mean_of_the_map(void **unused)
{
    (void)unused;
    struct sketch s;
    struct err e = {0};
    sketch_random(&s, 5);
    struct eng_model *model = open_random(5, ENG_ISA_SCALAR);
    struct eng_session *session = NULL;
    assert_int_equal(eng_session_open(model, s.h, s.w, 2, 2, &session, &e), ERR_OK);
    int h, w, features = eng_model_info(model)->features;
    eng_session_map_size(session, &h, &w);
    size_t map_floats = (size_t)(h * w * features);
    float *input = sketch_floats(6 * (size_t)s.h * (size_t)s.w, 1);
    float *map = sketch_floats(2 * map_floats, 1);
    float *pooled = sketch_floats(2 * (size_t)features, 1);
    eng_session_run(session, input, 2,
                    &(struct eng_output){.features = pooled, .map = map});
    for (int i = 0; i < 2; i++)
        for (int c = 0; c < features; c++) {
            double mean = 0;
            for (int p = 0; p < h * w; p++)
                mean += (double)map[(i * h * w + p) * features + c] / (h * w);
            assert_true(fabs(mean - (double)pooled[i * features + c]) < 1e-5);
        }
    eng_session_close(session);
    eng_model_close(model);
    net_release(&s.net);
    free(input);
    free(map);
    free(pooled);
}

enum { STEPS_MAX = 64 };

static void count_part(void *ctx, const struct exec *x, const struct exec_part *part)
{
    atomic_long *seen = ctx;
    (void)x;
    if (part->step < STEPS_MAX && part->left) // a worker's thread cannot fail a test
        seen[part->step] += (long)(part->rows.last - part->rows.first) *
                            (part->panels.last - part->panels.first);
}

// Members share a step's rows or its column panels: together all of it, once.
static void observers_see_every_part_once(void **unused)
{
    (void)unused;
    enum { BATCH = 4, THREADS = 8 };
    for (uint32_t seed = 1; seed <= 20; seed++) {
        atomic_long seen[STEPS_MAX] = {0};
        struct sketch s;
        struct err e = {0};
        sketch_fn *sketch = seed % 4 ? sketch_random : sketch_wide;
        sketch(&s, seed);
        struct eng_model *model = open_sketch(sketch, seed, ENG_ISA_SCALAR);
        struct eng_session *session = NULL;
        struct layout layout;
        assert_int_equal(eng_session_open(model, s.h, s.w, BATCH, THREADS, &session, &e),
                         ERR_OK);
        assert_int_equal(layout_open(&model->plan, s.h, s.w, BATCH, THREADS, &layout, &e),
                         ERR_OK);
        float *input = sketch_floats(BATCH * 3 * (size_t)s.h * (size_t)s.w, 1);
        exec_observe(session, &(struct exec_observer){count_part, seen});
        eng_session_run(session, input, BATCH, &(struct eng_output){0});
        for (int i = 0; i < model->plan.count; i++) {
            const struct plan_step *step = &model->plan.steps[i];
            if (step->kind != STEP_GEMM)
                continue;
            long cols = (long)step->out_blocks * KERN_BLOCK, wide = step->tile->cols;
            long all = (long)layout.steps[i].pixels * BATCH * ((cols + wide - 1) / wide);
            assert_int_equal(seen[i], all);
        }
        layout_release(&layout);
        eng_session_close(session);
        eng_model_close(model);
        net_release(&s.net);
        free(input);
    }
}

static void small_inputs_are_refused(void **unused)
{
    (void)unused;
    struct err e = {0};
    struct net net = {0};
    struct sketch s = {.h = 9, .w = 9};
    s.net.nodes = NULL;
    int at = net_add(&s.net, NET_INPUT, "input", -1, -1);
    s.net.nodes[at].channels = 3;
    at = sketch_node(&s, NET_CONV, at, 4, 5);
    at = sketch_node(&s, NET_GAP, at, 0, 0);
    sketch_node(&s, NET_FC, at, 2, 0);
    s.net.height = s.net.width = 9;
    net = s.net;
    struct eng_model *model = NULL;
    struct eng_session *session = NULL;
    assert_int_equal(eng_model_from_net(&net, "small", &(struct eng_opts){0}, &model, &e),
                     ERR_OK);
    assert_int_equal(eng_session_open(model, 4, 9, 1, 1, &session, &e), ERR_FORMAT);
    assert_non_null(strstr(e.msg, "too small"));
    assert_int_equal(eng_session_open(model, 0, 9, 1, 1, &session, &e), ERR_FORMAT);
    const int side = 1 << 14; // times itself 2^28, the most there may be
    assert_int_equal(eng_session_open(model, side, side + 1, 1, 1, &session, &e),
                     ERR_LIMIT);
    assert_int_equal(eng_session_open(model, 5, 5, 1, 1, &session, &e), ERR_OK);
    eng_session_close(session);
    eng_model_close(model);
}

static void instruction_sets_go_by_name(void **unused)
{
    (void)unused;
    struct err e = {0};
    enum eng_isa isa = ENG_ISA_COUNT;
    assert_int_equal(eng_isa_choose("scalar", &isa, &e), ERR_OK);
    assert_int_equal(isa, ENG_ISA_SCALAR);
    assert_int_equal(eng_isa_choose("sse9", &isa, &e), ERR_USAGE);
    assert_non_null(strstr(e.msg, "sse9"));
    assert_int_equal(eng_isa_choose(NULL, &isa, &e), ERR_OK);
    assert_int_equal(setenv("XLENS_ISA", "scalar", 1), 0);
    enum eng_isa capped;
    assert_int_equal(eng_isa_choose(NULL, &capped, &e), ERR_OK);
    assert_int_equal(capped, ENG_ISA_SCALAR);
    assert_int_equal(unsetenv("XLENS_ISA"), 0);
    assert_int_equal(eng_precision_find("float32"), ENG_FLOAT32);
    assert_int_equal(eng_precision_find("float31"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_nets_run_as_interpreted),
        cmocka_unit_test(wide_nets_run_as_interpreted),
        cmocka_unit_test(bands_give_the_same_bits),
        cmocka_unit_test(features_are_the_mean_of_the_map),
        cmocka_unit_test(observers_see_every_part_once),
        cmocka_unit_test(small_inputs_are_refused),
        cmocka_unit_test(instruction_sets_go_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// logits_test MODEL: the engine's logits on synthetic weights against those that the
// publisher's own framework gave, on every instruction set of this CPU, for every input
// size, batch and team; and the same bits whatever batch and team are.

#include "engine/engine.h"
#include "engine/exec/model.h"
#include "engine/model/arch.h"

#include "tests/support/reference.h"
#include "tests/support/synth.h"

#include "base/mem.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 1000, BATCH = 8 };

static const struct input {
    const char *name, *tag;
    int h, w;
} inputs[] = {
    {"A_299x299", "A", 299, 299}, {"B_299x299", "B", 299, 299},
    {"A_224x224", "A", 224, 224}, {"A_331x331", "A", 331, 331},
    {"A_203x331", "A", 203, 331},
};
enum { INPUTS = sizeof inputs / sizeof inputs[0] };

static const char *model_name;

static struct eng_model *open_model(enum eng_isa isa)
{
    struct bag bag = {0};
    struct net net = {0};
    struct err e = {0};
    struct eng_model *model = NULL;
    if (synth_bag(model_name, &bag, &e) || arch_build(&bag, model_name, &net, &e) ||
        eng_model_from_net(&net, model_name, &(struct eng_opts){.isa = isa}, &model, &e))
        fail_msg("%s: %s", model_name, e.msg);
    bag_release(&bag);
    return model;
}

// Batch of `batch` pictures, of which the one at `place` is the given input and the
// others are not.
static void run(const struct eng_model *model, const struct input *in, int batch,
                int place, int threads, float *logits)
{
    struct err e = {0};
    struct eng_session *session = NULL;
    size_t picture = 3 * (size_t)in->h * (size_t)in->w;
    float *pixels = mem_new((size_t)batch * picture * sizeof *pixels);
    float *all = mem_new((size_t)batch * CLASSES * sizeof *all);
    for (int i = 0; i < batch; i++)
        synth_image(i == place ? in->tag : "other", in->h, in->w,
                    pixels + (size_t)i * picture);
    if (eng_session_open(model, in->h, in->w, batch, threads, &session, &e))
        fail_msg("%s", e.msg);
    eng_session_run(session, pixels, batch, &(struct eng_output){.logits = all});
    memcpy(logits, all + place * CLASSES, CLASSES * sizeof *logits);
    eng_session_close(session);
    free(pixels);
    free(all);
}

static void assert_near_reference(const struct input *in, const float *got)
{
    struct reference *reference = NULL;
    struct err e = {0};
    float want[CLASSES];
    if (reference_open(model_name, &reference, &e))
        fail_msg("%s", e.msg);
    assert_int_equal(reference_logits(reference, in->name, want, CLASSES), CLASSES);
    reference_close(reference);
    float low = want[0], high = want[0], worst = 0;
    for (int i = 0; i < CLASSES; i++) {
        low = fminf(low, want[i]);
        high = fmaxf(high, want[i]);
        // A NaN must not pass as a small difference.
        assert_true(isfinite(got[i]));
        worst = fmaxf(worst, fabsf(got[i] - want[i]));
    }
    print_message("%s %s: worst difference %.2g of the range\n", model_name, in->name,
                  (double)(worst / (high - low)));
    assert_true(worst <= 1e-4F * (high - low));
}

static void need_reference(void)
{
    if (!reference_present())
        skip();
}

static void best_isa_gives_the_publishers_logits(void **state)
{
    (void)state;
    need_reference();
    enum eng_isa isa;
    assert_int_equal(eng_isa_choose(NULL, &isa, NULL), ERR_OK);
    struct eng_model *model = open_model(isa);
    for (int i = 0; i < INPUTS; i++) {
        float got[CLASSES];
        run(model, &inputs[i], 1, 0, 2, got);
        assert_near_reference(&inputs[i], got);
    }
    eng_model_close(model);
}

// The others that have float kernels of their own. The scalar one is slow, so
// only the input whose sides differ.
static void other_isas_give_the_publishers_logits(void **state)
{
    (void)state;
    need_reference();
    static const char *const names[] = {"scalar", "avx2", "avx512"};
    enum eng_isa best, isa;
    assert_int_equal(eng_isa_choose(NULL, &best, NULL), ERR_OK);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (eng_isa_choose(names[i], &isa, NULL) != ERR_OK || isa == best)
            continue; // what this CPU lacks, or tested above
        struct eng_model *model = open_model(isa);
        float got[CLASSES];
        run(model, &inputs[INPUTS - 1], 1, 0, 2, got);
        assert_near_reference(&inputs[INPUTS - 1], got);
        eng_model_close(model);
    }
}

static void bits_do_not_depend_on_team_or_batch(void **state)
{
    (void)state;
    need_reference();
    static const struct {
        int batch, place, threads;
    } ways[] = {{1, 0, 2}, {1, 0, 3}, {BATCH, 0, 1}, {BATCH, 7, 2}, {BATCH, 1, 5}};
    const struct input *in = &inputs[2];
    enum eng_isa isa;
    assert_int_equal(eng_isa_choose(NULL, &isa, NULL), ERR_OK);
    struct eng_model *model = open_model(isa);
    float want[CLASSES], got[CLASSES];
    run(model, in, 1, 0, 1, want);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        run(model, in, ways[i].batch, ways[i].place, ways[i].threads, got);
        assert_memory_equal(want, got, sizeof want);
    }
    eng_model_close(model);
}

int main(int argc, char **argv)
{
    model_name = argc > 1 ? argv[1] : "timm_xception";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(best_isa_gives_the_publishers_logits),
        cmocka_unit_test(other_isas_give_the_publishers_logits),
        cmocka_unit_test(bits_do_not_depend_on_team_or_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

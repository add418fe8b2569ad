#include "engine/exec/model.h"
#include "engine/quant/sample.h"

#include "tests/support/isas.h"
#include "tests/support/sketch.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

// What a calibration is shown of each convolution, on every instruction set: as these
// differ in the rows of a tile, so does what lies where in a left panel.

enum { ROWS = 49 }; // of pixels: those of the largest picture

struct sides {
    struct sample in, out;
};

static void take(void *ctx, const struct exec *x, const struct exec_part *part)
{
    struct sides *s = ctx;
    sample_take(&s->in, x, part, 0);
    sample_take(&s->out, x, part, 0);
}

// The convolution by its definition, of what went in.
static void assert_gives(const struct net_node *conv, const struct plan_step *step,
                         int inputs, const float *in, const float *out)
{
    for (int j = 0; j < conv->channels; j++) {
        double sum = conv->bias ? (double)conv->bias[j] : 0, size = fabs(sum) + 1;
        for (int k = 0; k < inputs; k++) {
            double product = (double)in[k] * (double)conv->weight[k * conv->channels + j];
            sum += product;
            size += fabs(product);
        }
        if (step->relu && sum < 0)
            sum = 0;
        if (!(fabs(sum - (double)out[j]) <= 1e-6 * size))
            fail_msg("channel %d: %g went out, %g comes of what went in", j,
                     (double)out[j], sum);
    }
}

// How many convolutions by Strassen's algorithm were looked at.
static int watch(uint32_t seed, enum eng_isa isa, int threads)
{
    int found = 0;
    struct sketch s, theirs; // the engine takes its own
    struct err e = {0};
    struct sides sides;
    struct eng_model *model;
    struct eng_session *session;
    sketch_wide(&theirs, seed);
    sketch_wide(&s, seed);
    float *input = sketch_floats(3 * (size_t)s.h * (size_t)s.w, 1);
    assert_int_equal(eng_model_from_net(&theirs.net, "wide",
                                        &(struct eng_opts){.isa = isa}, &model, &e),
                     ERR_OK);
    const struct plan *plan = &model->plan;
    assert_int_equal(plan->net.count, s.net.count); // nothing was folded: nodes agree
    assert_int_equal(sample_open(plan, false, 1, ROWS, &sides.in, &e), ERR_OK);
    assert_int_equal(sample_open(plan, true, 1, ROWS, &sides.out, &e), ERR_OK);
    assert_int_equal(eng_session_open(model, s.h, s.w, 1, threads, &session, &e), ERR_OK);
    exec_observe(session, &(struct exec_observer){take, &sides});
    eng_session_run(session, input, 1, &(struct eng_output){0});
    for (int i = 0; i < plan->count; i++) {
        const struct plan_step *step = &plan->steps[i];
        const int node = sample_node(plan, i);
        if (node < 0 || step->add >= 0)
            continue;
        const int inputs = sample_channels(&sides.in, node);
        for (int r = 0; r < ROWS; r++)
            assert_gives(&s.net.nodes[node], step, inputs,
                         sides.in.values[node] + (ptrdiff_t)r * inputs,
                         sides.out.values[node] +
                             (ptrdiff_t)r * s.net.nodes[node].channels);
        found += step->strassen;
    }
    sample_release(&sides.in); // they refer to the model's plan
    sample_release(&sides.out);
    eng_session_close(session);
    eng_model_close(model);
    net_release(&s.net);
    free(input);
    return found;
}

static void what_goes_in_gives_what_comes_out(void **unused)
{
    (void)unused;
    for (int isa = ENG_ISA_SCALAR; isa < ENG_ISA_COUNT; isa++) {
        int found = 0;
        if (!isa_is_here((enum eng_isa)isa))
            continue;
        for (uint32_t seed = 1; seed <= 16; seed++)
            found += watch(seed, (enum eng_isa)isa, 1 + (int)(seed % 3));
        assert_true(found >= 12);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_gives_what_comes_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

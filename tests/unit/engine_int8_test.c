#include "engine/exec/model.h"
#include "engine/quantize.h"
#include "engine/weights/weights.h"

#include "tests/support/isas.h"
#include "tests/support/says.h"
#include "tests/support/sketch.h"
#include "tests/support/tempdir.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// int8 models as a whole, from calibration to logits.

// The small model of 10 classes at 75x75.
#define MODEL XLENS_TEST_DATA "/tiny/keras3_model.keras"
enum { SIDE = 75, CLASSES = 10, PICTURES = 5 };

static float *pictures(void)
{
    return sketch_floats((size_t)PICTURES * 3 * SIDE * SIDE, 1);
}

static void must(enum err_code rc, const struct err *e)
{
    if (rc != ERR_OK)
        fail_msg("%s", e->msg);
}

static void write_int8(const char *path, const float *input, double more_rows)
{
    struct err e = {0};
    struct eng_opts opts = {0};
    struct eng_model *model;
    struct eng_session *session;
    struct eng_calib *calib;
    must(eng_isa_choose(NULL, &opts.isa, &e), &e);
    must(eng_model_open(MODEL, &opts, &model, &e), &e);
    must(eng_session_open(model, SIDE, SIDE, 1, 1, &session, &e), &e);
    must(eng_calib_open(model, &opts, PICTURES, &calib, &e), &e);
    const struct eng_quant_opts how = {.percentile = 99.99, .more_rows = more_rows};
    assert_int_equal(eng_calib_settle(calib, &how, &e), ERR_FORMAT);
    assert_says(&e, "no calibration picture");
    for (size_t i = 0; i < PICTURES; i++)
        eng_calib_run(calib, session, input + i * 3 * SIDE * SIDE, i,
                      &(struct eng_output){0});
    must(eng_calib_settle(calib, &how, &e), &e);
    assert_int_equal(eng_calib_quantize(calib, &how, &e), ERR_FORMAT);
    assert_says(&e, "a second time");
    for (size_t i = 0; i < PICTURES; i++)
        eng_calib_run(calib, session, input + i * 3 * SIDE * SIDE, i,
                      &(struct eng_output){0});
    must(eng_calib_quantize(calib, &how, &e), &e);
    must(eng_calib_write(calib, "{}", path, true, &e), &e);
    eng_calib_close(calib);
    eng_session_close(session);
    eng_model_close(model);
}

static void run_with(const char *path, enum eng_isa isa, int threads, int batch,
                     const float *input, float *logits)
{
    struct err e = {0};
    struct eng_opts opts = {.precision = ENG_AS_STORED, .isa = isa};
    struct eng_model *model;
    struct eng_session *session;
    must(eng_model_open(path, &opts, &model, &e), &e);
    assert_int_equal(eng_model_info(model)->precision, ENG_INT8);
    must(eng_session_open(model, SIDE, SIDE, batch, threads, &session, &e), &e);
    for (int i = 0; i < PICTURES; i += batch)
        eng_session_run(session, input + (ptrdiff_t)i * 3 * SIDE * SIDE,
                        PICTURES - i < batch ? PICTURES - i : batch,
                        &(struct eng_output){.logits = logits + i * CLASSES});
    eng_session_close(session);
    eng_model_close(model);
}

static void int8_has_the_same_bits_everywhere(void **unused)
{
    (void)unused;
    struct tempdir dir = tempdir_make();
    const char *path = tempdir_path(&dir, "m");
    float *input = pictures(), want[PICTURES * CLASSES], got[PICTURES * CLASSES];
    write_int8(path, input, 20);
    run_with(path, ENG_ISA_SCALAR, 1, 1, input, want);
    for (int isa = 0; isa < ENG_ISA_COUNT; isa++) {
        if (!isa_is_here((enum eng_isa)isa))
            continue;
        for (int threads = 1; threads <= 4; threads *= 2)
            for (int batch = 1; batch <= 3; batch += 2) {
                run_with(path, (enum eng_isa)isa, threads, batch, input, got);
                assert_memory_equal(got, want, sizeof want);
            }
    }
    free(input);
    tempdir_remove(&dir);
}

enum { MORE = 16 }; // with its first one, more rows than a channel may have

// The first one of this kernel, with weights of its own, which may be written to, and
// MORE rows, of zeros, behind those that it had.
static struct net_node *first_int8(struct net *net, int kernel)
{
    int i = 0;
    while (!net->nodes[i].quant || net_in_channels(net, i) % 8 ||
           net->nodes[i].kernel_h != kernel)
        assert_true(++i < net->count);
    struct net_quant *q = net->nodes[i].quant;
    const size_t in = (size_t)net_in_channels(net, i);
    const size_t rows = (size_t)net_quant_inputs(net, i);
    const size_t out = (size_t)net->nodes[i].channels;
    const int8_t *mapped = q->weight;
    const size_t taps = (size_t)kernel * (size_t)kernel; // a file has MORE rows in each
    q->weight = memcpy(mem_new((rows + taps * MORE) * out), mapped, rows * out);
    q->borrowed = false;
    free(q->in_more);
    q->more = MORE;
    q->in_more = mem_new(MORE * sizeof *q->in_more);
    for (size_t k = 0; k < MORE; k++)
        q->in_more[k] = (float)(k % in);
    return &net->nodes[i];
}

static void damaged_int8_files_are_refused(void **unused)
{
    (void)unused;
    static const struct {
        int what;
        float value;
        const char *says;
    } damages[] = {{0, 0, "in_scale 0 is 0"},
                   {0, -1, "in_scale 0 is -1"},
                   {1, 0.5F, "in_zero 0 is 0.5"},
                   {1, 4081, "in_zero 0 is 4081"},
                   {2, -2, "out_scale 0 is -2"},
                   {3, 127, "weights of column 0"},
                   {4, 0, "no weights are int8"},
                   {5, 0, "some weights are int8"},
                   {2, (float)INFINITY, "out_scale"},
                   {6, -1, "in_more 0 is -1"},
                   {6, 0.5F, "in_more 0 is 0.5"},
                   {6, 1e6F, "in_more 0 is 1e+06"},
                   {7, 0, "channel 0 has more than 16 rows"},
                   {8, 0, "has 7 rows behind"},
                   {9, 0, "expected them at pointwise convolutions only"}};
    struct tempdir dir = tempdir_make();
    const char *path = tempdir_path(&dir, "m"), *bad = tempdir_path(&dir, "bad");
    float *input = pictures();
    write_int8(path, input, 100);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct err e = {0};
        struct net net, back = {0};
        must(weights_open(path, NULL, &net, &e), &e);
        struct net_node *n = first_int8(&net, damages[i].what == 9 ? 3 : 1);
        float *floats[] = {n->quant->in_scale, n->quant->in_zero, n->quant->out_scale};
        if (damages[i].what < 3)
            floats[damages[i].what][0] = damages[i].value;
        else if (damages[i].what == 3)
            n->quant->weight[0] = 127, n->quant->weight[n->channels] = 2;
        else if (damages[i].what == 6)
            n->quant->in_more[0] = damages[i].value;
        else if (damages[i].what == 7)
            for (int k = 0; k < MORE; k++)
                n->quant->in_more[k] = 0;
        else if (damages[i].what == 8)
            n->quant->more = 7;
        else if (damages[i].what == 5)
            net.precision = ENG_FLOAT32;
        const char *from = damages[i].what == 4 ? MODEL : NULL;
        if (from) {
            net_release(&net);
            must(weights_open(from, NULL, &net, &e), &e);
            must(net_fold(&net, &e), &e);
            net.precision = ENG_INT8;
        }
        must(weights_native_write(&net, "abc", bad, true, &e), &e);
        assert_int_equal(weights_open(bad, NULL, &back, &e), ERR_FORMAT);
        assert_says(&e, damages[i].says);
        net_release(&net);
    }
    free(input);
    tempdir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(int8_has_the_same_bits_everywhere),
        cmocka_unit_test(damaged_int8_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

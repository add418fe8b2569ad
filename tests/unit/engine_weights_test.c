// What model files say of themselves, and the native format: the same model in it, and
// the same bytes for the same model. engine_formats_test.c has the logits of each format.

#include "engine/weights/weights.h"

#include "tests/support/interp.h"
#include "tests/support/reference.h"
#include "tests/support/says.h"
#include "tests/support/synth.h"
#include "tests/support/tempdir.h"

#include "base/file.h"
#include "base/mem.h"

#include <math.h>

enum { CLASSES = 10, SIDE = 75 };

// side: of the input that the file declares, or of the architecture where it does not.
static const struct tiny {
    const char *file, *arch, *publisher, *format, *preset;
    int side;
} tinies[] = {
    {"keras2_model.h5", "keras_xception", "keras", "hdf5", "keras", SIDE},
    {"imitation_keras2017_weights.h5", "keras_xception", "keras", "hdf5 weights", "keras",
     299},
    {"keras3_model.keras", "keras_xception", "keras", "keras v3", "keras", SIDE},
    {"keras3_w.weights.h5", "keras_xception", "keras", "hdf5 weights", "keras", 299},
    {"timm_legacy.safetensors", "timm_xception", "timm", "safetensors", "xception", 299},
};

static void run(const struct net *net, float logits[CLASSES])
{
    static float chw[3 * SIDE * SIDE];
    struct err e = {0};
    synth_image("A", SIDE, SIDE, chw);
    assert_int_equal(net->nodes[net->count - 1].channels, CLASSES);
    if (interp_run(net, SIDE, SIDE, chw, logits, &e) != ERR_OK)
        fail_msg("%s", e.msg);
}

static void files_describe_themselves(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    for (size_t i = 0; i < sizeof tinies / sizeof tinies[0]; i++) {
        const struct tiny *t = &tinies[i];
        struct net net;
        struct err e = {0};
        char *path = reference_tiny_path(t->file);
        if (weights_open(path, NULL, &net, &e) != ERR_OK)
            fail_msg("%s", e.msg);
        assert_string_equal(net.arch, t->arch);
        assert_string_equal(net.publisher, t->publisher);
        assert_string_equal(net.format, t->format);
        assert_string_equal(net.preset, t->preset);
        assert_int_equal(net.height, t->side);
        assert_int_equal(net.width, t->side);
        net_release(&net);
        free(path);
    }
}

// Folded, written, read again: the same numbers out of a mapping, the same bytes twice.
static void native_files_hold_the_same_model(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    static const char *const files[] = {"keras3_model.keras", "timm_preact.safetensors"};
    struct tempdir dir = tempdir_make();
    const char *one = tempdir_path(&dir, "one"), *two = tempdir_path(&dir, "two");
    for (size_t i = 0; i < 2; i++) {
        struct net net, again;
        struct err e = {0};
        float before[CLASSES], after[CLASSES];
        struct file_bytes a, b;
        char *path = reference_tiny_path(files[i]);
        assert_int_equal(weights_open(path, NULL, &net, &e), ERR_OK);
        assert_int_equal(net_fold(&net, &e), ERR_OK);
        run(&net, before);
        net.labels = mem_dup("[\"a \\\"quoted\\\" one\", \"b\"]");
        assert_int_equal(weights_native_write(&net, "abc", one, i > 0, &e), ERR_OK);
        assert_int_equal(weights_native_write(&net, "abc", one, false, &e), ERR_EXISTS);
        if (weights_open(one, NULL, &again, &e) != ERR_OK)
            fail_msg("%s", e.msg);
        run(&again, after);
        assert_memory_equal(before, after, sizeof before);
        assert_string_equal(again.arch, net.arch);
        assert_string_equal(again.preset, net.preset);
        assert_string_equal(again.labels, net.labels);
        assert_string_equal(again.format, "native");
        assert_true(again.height == net.height && again.crop_pct == net.crop_pct);
        assert_true(again.nodes[1].borrowed);
        assert_int_equal(net_fold(&again, &e), ERR_OK);
        assert_int_equal(weights_native_write(&again, "abc", two, i > 0, &e), ERR_OK);
        assert_int_equal(file_read(one, SIZE_MAX, &a, NULL), ERR_OK);
        assert_int_equal(file_read(two, SIZE_MAX, &b, NULL), ERR_OK);
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.data, b.data, a.len);
        file_bytes_release(&a);
        file_bytes_release(&b);
        net_release(&net);
        net_release(&again);
        free(path);
    }
    tempdir_remove(&dir);
}

static bool is_pointwise(const struct net_node *n)
{
    return n->op == NET_CONV && n->kernel_h == 1 && n->kernel_w == 1;
}

// A bf16 has 8 bits of mantissa: the nearest is at most half of the last one away.
static void check_rounded(const struct net_node *n, const float *from, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        uint32_t bits;
        memcpy(&bits, &n->weight[k], sizeof bits);
        if (bits & 0xffff || fabsf(n->weight[k] - from[k]) > fabsf(from[k]) * 0x1p-8F)
            fail_msg("%s: weight %zu is %a, was %a", n->name, k, (double)n->weight[k],
                     (double)from[k]);
    }
}

// Pointwise weights are rounded, all else is the same; gives the bytes saved.
static size_t check_narrow(const struct net *net, const struct net *back)
{
    size_t saved = 0;
    for (int i = 0; i < net->count; i++) {
        const struct net_node *was = &net->nodes[i], *is = &back->nodes[i];
        size_t count = net_weight_count(net, i);
        if (is_pointwise(was)) {
            check_rounded(is, was->weight, count);
            saved += count * 2;
        } else if (count) {
            assert_memory_equal(is->weight, was->weight, count * sizeof(float));
        }
        if (was->bias)
            assert_memory_equal(is->bias, was->bias,
                                (size_t)was->channels * sizeof(float));
    }
    return saved;
}

static void bf16_files_have_narrow_pointwise_weights(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    struct tempdir dir = tempdir_make();
    const char *wide = tempdir_path(&dir, "wide"), *narrow = tempdir_path(&dir, "narrow");
    const char *again = tempdir_path(&dir, "again");
    struct net net, back;
    struct err e = {0};
    float before[CLASSES], after[CLASSES];
    char *path = reference_tiny_path("timm_aligned.safetensors");
    assert_int_equal(weights_open(path, NULL, &net, &e), ERR_OK);
    assert_int_equal(net.precision, ENG_FLOAT32);
    assert_int_equal(net_fold(&net, &e), ERR_OK);
    assert_int_equal(weights_native_write(&net, "abc", wide, false, &e), ERR_OK);
    net.precision = ENG_BF16;
    assert_int_equal(weights_native_write(&net, "abc", narrow, false, &e), ERR_OK);
    if (weights_open(narrow, NULL, &back, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    assert_int_equal(back.precision, ENG_BF16);
    assert_int_equal(back.count, net.count);
    size_t saved = check_narrow(&net, &back);
    struct file_bytes a, b, c;
    assert_int_equal(file_read(wide, SIZE_MAX, &a, NULL), ERR_OK);
    assert_int_equal(file_read(narrow, SIZE_MAX, &b, NULL), ERR_OK);
    // The headers differ by a letter a tensor and their padding.
    assert_in_range(a.len - b.len, saved - 1024, saved + 1024);
    run(&net, before);
    run(&back, after);
    for (int i = 0; i < CLASSES; i++) // logits of about 1, weights off by up to 2^-9
        assert_true(fabsf(before[i] - after[i]) < 0.05F);
    // Rounding what is round changes nothing.
    assert_int_equal(weights_native_write(&back, "abc", again, false, &e), ERR_OK);
    assert_int_equal(file_read(again, SIZE_MAX, &c, NULL), ERR_OK);
    assert_int_equal(b.len, c.len);
    assert_memory_equal(b.data, c.data, b.len);
    file_bytes_release(&a);
    file_bytes_release(&b);
    file_bytes_release(&c);
    net_release(&net);
    net_release(&back);
    tempdir_remove(&dir);
    free(path);
}

static void a_bf16_file_computes_in_bf16(void **state)
{
    (void)state;
    struct tempdir dir = tempdir_make();
    const char *path = tempdir_path(&dir, "m"),
               *source = XLENS_TEST_DATA "/keras/nested.h5";
    struct eng_opts opts = {.precision = ENG_BF16};
    struct eng_model *model;
    struct err e = {0};
    assert_int_equal(eng_isa_choose(NULL, &opts.isa, NULL), ERR_OK);
    if (eng_convert(source, &opts, path, false, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    opts.precision = ENG_AS_STORED;
    if (eng_model_open(path, &opts, &model, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    assert_int_equal(eng_model_info(model)->precision, ENG_BF16);
    assert_string_equal(eng_model_info(model)->format, "native");
    eng_model_close(model);
    opts.precision = ENG_INT8;
    assert_int_equal(eng_convert(source, &opts, path, true, &e), ERR_UNSUPPORTED);
    assert_says(&e, "is a float32 model, expected an int8 one: xlens quantize makes it");
    tempdir_remove(&dir);
}

static void what_bf16_cannot_hold_is_not_written(void **state)
{
    (void)state;
    struct tempdir dir = tempdir_make();
    struct net net;
    struct err e = {0};
    assert_int_equal(weights_open(XLENS_TEST_DATA "/keras/nested.h5", NULL, &net, &e),
                     ERR_OK);
    int i = 0;
    while (!is_pointwise(&net.nodes[i]))
        i++;
    net.precision = ENG_BF16;
    net.nodes[i].weight[1] = 3.4e38F; // the largest bf16 is 3.39e38
    const char *path = tempdir_path(&dir, "m");
    assert_int_equal(weights_native_write(&net, "abc", path, false, &e), ERR_FORMAT);
    assert_says(&e, "weight 1, 3.4e+38, is beyond bf16");
    assert_false(file_exists(path));
    net_release(&net);
    tempdir_remove(&dir);
}

static void a_forced_architecture_must_fit(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    struct net net;
    struct err e = {0};
    char *path = reference_tiny_path("keras3_model.keras");
    struct weights_opts opts = {.arch = "timm_xception"};
    assert_int_equal(weights_open(path, &opts, &net, &e), ERR_FORMAT);
    assert_non_null(strstr(e.msg, "not a timm_xception, it describes itself as keras_"));
    opts.arch = "resnet";
    assert_int_equal(weights_open(path, &opts, &net, &e), ERR_USAGE);
    opts.arch = "keras_xception";
    assert_int_equal(weights_open(path, &opts, &net, &e), ERR_OK);
    net_release(&net);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_describe_themselves),
        cmocka_unit_test(native_files_hold_the_same_model),
        cmocka_unit_test(bf16_files_have_narrow_pointwise_weights),
        cmocka_unit_test(a_bf16_file_computes_in_bf16),
        cmocka_unit_test(what_bf16_cannot_hold_is_not_written),
        cmocka_unit_test(a_forced_architecture_must_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

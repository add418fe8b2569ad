// Every small model file that the publishers' frameworks wrote, read and run by the
// interpreter, against the logits that the frameworks gave.

#include "engine/weights/weights.h"

#include "tests/support/interp.h"
#include "tests/support/reference.h"
#include "tests/support/synth.h"

#include "base/file.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CLASSES = 10, SIDE = 75 };

static const struct tiny {
    const char *file, *expected, *arch, *publisher, *format;
} tinies[] = {
    {"keras2_model.h5", "keras2_tiny", "keras_xception", "keras", "hdf5"},
    {"keras2_weights.h5", "keras2_tiny", "keras_xception", "keras", "hdf5 weights"},
    {"imitation_keras2017_weights.h5", "keras2_tiny", "keras_xception", "keras",
     "hdf5 weights"},
    {"keras3_model.h5", "keras_tiny", "keras_xception", "keras", "hdf5"},
    {"keras3_model.keras", "keras_tiny", "keras_xception", "keras", "keras v3"},
    {"keras3_w.weights.h5", "keras_tiny", "keras_xception", "keras", "hdf5 weights"},
    {"keras3_legacy_weights.h5", "keras_tiny", "keras_xception", "keras", "hdf5 weights"},
    {"timm_legacy.safetensors", "timm_legacy", "timm_xception", "timm", "safetensors"},
    {"timm_aligned.safetensors", "timm_aligned", NULL, "timm", "safetensors"},
    {"timm_aligned.bf16.safetensors", "timm_aligned", NULL, "timm", "safetensors"},
    {"timm_preact.safetensors", "timm_preact", NULL, "timm", "safetensors"},
    {"timm_micro.safetensors", "timm_micro", NULL, "timm", "safetensors"},
};

static char *tiny_path(const char *file)
{
    return reference_path("../tiny/%s", file);
}

static cJSON *read_expected(void)
{
    struct file_bytes bytes;
    char *path = tiny_path("expected.json");
    assert_int_equal(file_read(path, 1 << 24, &bytes, NULL), ERR_OK);
    cJSON *json = cJSON_ParseWithLength((const char *)bytes.data, bytes.len);
    assert_non_null(json);
    file_bytes_release(&bytes);
    free(path);
    return json;
}

static double item(const cJSON *list, int i)
{
    const cJSON *value = cJSON_GetArrayItem(list, i);
    assert_true(cJSON_IsNumber(value));
    return value->valuedouble;
}

// Largest difference of logits as a share of their range, or of probabilities where the
// reference has only those.
static double difference(const cJSON *expected, const float *logits)
{
    const cJSON *want = cJSON_GetObjectItemCaseSensitive(expected, "logits");
    double sum = 0, worst = 0, low = 1e9, high = -1e9;
    bool probabilities = !want;
    if (probabilities)
        want = cJSON_GetObjectItemCaseSensitive(expected, "softmax");
    for (int i = 0; i < CLASSES; i++)
        sum += exp((double)logits[i]);
    for (int i = 0; i < CLASSES; i++) {
        double got = probabilities ? exp((double)logits[i]) / sum : (double)logits[i];
        low = fmin(low, item(want, i));
        high = fmax(high, item(want, i));
        worst = fmax(worst, fabs(got - item(want, i)));
    }
    return worst / (high - low);
}

static void run(const struct net *net, float logits[CLASSES])
{
    static float chw[3 * SIDE * SIDE];
    struct err e = {0};
    synth_image("A", SIDE, SIDE, chw);
    assert_int_equal(net->nodes[net->count - 1].channels, CLASSES);
    if (interp_run(net, SIDE, SIDE, chw, logits, &e) != ERR_OK)
        fail_msg("%s", e.msg);
}

static void check_tiny(const struct tiny *t, const cJSON *json)
{
    struct net net;
    struct err e = {0};
    float logits[CLASSES];
    char *path = tiny_path(t->file);
    if (weights_open(path, NULL, &net, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    if (t->arch)
        assert_string_equal(net.arch, t->arch);
    assert_string_equal(net.publisher, t->publisher);
    assert_string_equal(net.format, t->format);
    assert_string_equal(net.preset,
                        strcmp(t->publisher, "keras") == 0 ? "keras" : "xception");
    run(&net, logits);
    // Weights stored as bfloat16 carry 8 bits of the 24 that made the reference.
    double bound = strstr(t->file, ".bf16.") ? 2e-2 : 1e-5;
    double worst =
        difference(cJSON_GetObjectItemCaseSensitive(json, t->expected), logits);
    if (!(worst <= bound))
        fail_msg("%s: %g of the range off, expected %g", t->file, worst, bound);
    net_release(&net);
    free(path);
}

static void tiny_files_give_the_frameworks_logits(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    cJSON *json = read_expected();
    for (size_t i = 0; i < sizeof tinies / sizeof tinies[0]; i++)
        check_tiny(&tinies[i], json);
    cJSON_Delete(json);
}

// Folded, written, read again: the same numbers out of a mapping, the same bytes twice.
static void native_files_hold_the_same_model(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    static const char *const files[] = {"keras3_model.keras", "timm_preact.safetensors"};
    char dir[] = "/tmp/xlens-native-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char *one = mem_printf("%s/one", dir), *two = mem_printf("%s/two", dir);
    for (size_t i = 0; i < 2; i++) {
        struct net net, again;
        struct err e = {0};
        float before[CLASSES], after[CLASSES];
        struct file_bytes a, b;
        char *path = tiny_path(files[i]);
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
    (void)unlink(one);
    (void)unlink(two);
    (void)rmdir(dir);
    free(one);
    free(two);
}

static void a_forced_architecture_must_fit(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    struct net net;
    struct err e = {0};
    char *path = tiny_path("keras3_model.keras");
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
        cmocka_unit_test(tiny_files_give_the_frameworks_logits),
        cmocka_unit_test(native_files_hold_the_same_model),
        cmocka_unit_test(a_forced_architecture_must_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

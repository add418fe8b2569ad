// What model files say of themselves, and the native format: the same model in it, and
// the same bytes for the same model. engine_formats_test.c has the logits of each format.

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

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    char dir[] = "/tmp/xlens-native-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char *one = mem_printf("%s/one", dir), *two = mem_printf("%s/two", dir);
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
        cmocka_unit_test(a_forced_architecture_must_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// Every small file that a real framework wrote, from its bytes to logits: read, built and
// run by the double-precision interpreter, beside what the framework said.

#include "engine/weights/weights.h"

#include "tests/support/interp.h"
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

enum { SIZE = 75, CLASSES = 10 };

// file: of models/tiny, or of our own data when it begins with a slash. tolerance: of the
// range of the logits; weights of 16 bits were rounded on writing.
static const struct sample {
    const char *file, *group, *arch;
    double tolerance;
} samples[] = {
    {"timm_legacy.pth", "timm_legacy", "timm_xception", 1e-5},
    {"timm_legacy.legacy.pth", "timm_legacy", "timm_xception", 1e-5},
    {"timm_legacy.wrapped.pth", "timm_legacy", "timm_xception", 1e-5},
    {"timm_legacy.safetensors", "timm_legacy", "timm_xception", 1e-5},
    {"timm_aligned.pth", "timm_aligned", "timm_xception41", 1e-5},
    {"timm_aligned.legacy.pth", "timm_aligned", "timm_xception41", 1e-5},
    {"timm_aligned.wrapped.pth", "timm_aligned", "timm_xception41", 1e-5},
    {"timm_aligned.safetensors", "timm_aligned", "timm_xception41", 1e-5},
    {"timm_aligned.fp16.pth", "timm_aligned", "timm_xception41", 1e-3},
    {"timm_aligned.bf16.safetensors", "timm_aligned", "timm_xception41", 1e-2},
    {"timm_preact.pth", "timm_preact", "timm_xception41p", 1e-5},
    {"timm_preact.legacy.pth", "timm_preact", "timm_xception41p", 1e-5},
    {"timm_preact.wrapped.pth", "timm_preact", "timm_xception41p", 1e-5},
    {"timm_preact.safetensors", "timm_preact", "timm_xception41p", 1e-5},
    {"timm_micro.pth", "timm_micro", "timm_xception41", 1e-5},
    {"timm_micro.legacy.pth", "timm_micro", "timm_xception41", 1e-5},
    {"timm_micro.wrapped.pth", "timm_micro", "timm_xception41", 1e-5},
    {"timm_micro.safetensors", "timm_micro", "timm_xception41", 1e-5},
    {"timm_micro.traced.pt", "timm_micro", "timm_xception41", 1e-5},
    {"timm_micro.scripted.pt", "timm_micro", "timm_xception41", 1e-5},
    {"ppcls_xception.pdparams", "ppcls_xception", "ppcls_xception41", 1e-5},
    {"ppcls_xception_deeplab.pdparams", "ppcls_xception_deeplab",
     "ppcls_xception41_deeplab", 1e-5},
    {"ppcls_xception_deeplab.proto2.pdparams", "ppcls_xception_deeplab",
     "ppcls_xception41_deeplab", 1e-5},
    {"keras3_model.keras", "keras_tiny", "keras_xception", 1e-5},
    {"keras3_model.h5", "keras_tiny", "keras_xception", 1e-5},
    {"keras3_w.weights.h5", "keras_tiny", "keras_xception", 1e-5},
    {"keras3_legacy_weights.h5", "keras_tiny", "keras_xception", 1e-5},
    {"keras2_model.h5", "keras2_tiny", "keras_xception", 1e-5},
    {"keras2_weights.h5", "keras2_tiny", "keras_xception", 1e-5},
    {"imitation_keras2017_weights.h5", "keras2_tiny", "keras_xception", 1e-5},
    {"timm_legacy.op13.folded.onnx", "timm_legacy", "timm_xception", 1e-5},
    {"timm_legacy.op13.bn.onnx", "timm_legacy", "timm_xception", 1e-5},
    {"timm_legacy.op17.folded.onnx", "timm_legacy", "timm_xception", 1e-5},
    {"timm_legacy.op17.bn.onnx", "timm_legacy", "timm_xception", 1e-5},
    {"timm_legacy.op17.dynbatch.onnx", "timm_legacy", "timm_xception", 1e-5},
    {"timm_aligned.op13.folded.onnx", "timm_aligned", "other", 1e-5},
    {"timm_aligned.op13.bn.onnx", "timm_aligned", "other", 1e-5},
    {"timm_aligned.op17.folded.onnx", "timm_aligned", "other", 1e-5},
    {"timm_aligned.op17.bn.onnx", "timm_aligned", "other", 1e-5},
    {"timm_aligned.op17.dynbatch.onnx", "timm_aligned", "other", 1e-5},
    {"timm_preact.op13.folded.onnx", "timm_preact", "other", 1e-5},
    {"timm_preact.op13.bn.onnx", "timm_preact", "other", 1e-5},
    {"timm_preact.op17.folded.onnx", "timm_preact", "other", 1e-5},
    {"timm_preact.op17.bn.onnx", "timm_preact", "other", 1e-5},
    {"timm_preact.op17.dynbatch.onnx", "timm_preact", "other", 1e-5},
    {"timm_micro.op13.folded.onnx", "timm_micro", "other", 1e-5},
    {"timm_micro.op13.bn.onnx", "timm_micro", "other", 1e-5},
    {"timm_micro.op17.folded.onnx", "timm_micro", "other", 1e-5},
    {"timm_micro.op17.bn.onnx", "timm_micro", "other", 1e-5},
    {"timm_micro.op17.dynbatch.onnx", "timm_micro", "other", 1e-5},
    {"keras3_tf2onnx.op13.onnx", "keras_tiny", "other", 1e-5},
    {"keras3_tf2onnx.op17.onnx", "keras_tiny", "other", 1e-5},
    {"keras3_tf2onnx.op13.nchw.onnx", "keras_tiny", "other", 1e-5},
    {"ppcls_xception.paddle2onnx.op13.onnx", "ppcls_xception", "ppcls_xception41", 1e-5},
    {"ppcls_xception_deeplab.paddle2onnx.op13.onnx", "ppcls_xception_deeplab", "other",
     1e-5},
    {"ppcls_xception_infer/inference.json", "ppcls_xception", "ppcls_xception41", 1e-5},
    {"ppcls_xception_deeplab_infer/inference.json", "ppcls_xception_deeplab", "other",
     1e-5},
    {"/paddle2/ppcls_xception.pdmodel", "ppcls_xception", "ppcls_xception41", 1e-5},
    {"/paddle2/ppcls_xception_deeplab.pdmodel", "ppcls_xception_deeplab", "other", 1e-5},
    {"/paddle2/ppcls_xception.op9.onnx", "ppcls_xception", "ppcls_xception41", 1e-5},
    {"/paddle2/ppcls_xception_deeplab.op10.onnx", "ppcls_xception_deeplab", "other",
     1e-5},
};

static void to_probabilities(float *x)
{
    double top = -HUGE_VAL, sum = 0;
    for (int i = 0; i < CLASSES; i++)
        top = fmax(top, (double)x[i]);
    for (int i = 0; i < CLASSES; i++)
        sum += exp((double)x[i] - top);
    for (int i = 0; i < CLASSES; i++)
        x[i] = (float)(exp((double)x[i] - top) / sum);
}

// The largest difference as a part of the range.
static double distance(const float *got, const float *want)
{
    float low = want[0], high = want[0], worst = 0;
    for (int i = 0; i < CLASSES; i++) {
        low = fminf(low, want[i]);
        high = fmaxf(high, want[i]);
        worst = fmaxf(worst, fabsf(got[i] - want[i]));
    }
    return (double)worst / (double)(high - low);
}

static void check_sample(const struct sample *sample, const float *image)
{
    struct net net = {0};
    struct err e = {0};
    float got[CLASSES] = {0}, want[CLASSES] = {0};
    bool softmax;
    char *path = sample->file[0] == '/'
                     ? mem_printf("%s%s", XLENS_TEST_DATA, sample->file)
                     : reference_tiny_path(sample->file);
    if (weights_open(path, NULL, &net, &e))
        fail_msg("%s", e.msg);
    assert_string_equal(net.arch, sample->arch);
    assert_int_equal(net.nodes[net.count - 1].channels, CLASSES);
    if (interp_run(&net, SIZE, SIZE, image, got, &e))
        fail_msg("%s: %s", path, e.msg);
    assert_int_equal(reference_tiny(sample->group, want, CLASSES, &softmax), CLASSES);
    if (softmax)
        to_probabilities(got);
    double d = distance(got, want);
    print_message("%-44s %-22s %.1e of the range\n", sample->file, net.format, d);
    if (!(d <= sample->tolerance))
        fail_msg("%s: %g of the range, expected %g", path, d, sample->tolerance);
    net_release(&net);
    free(path);
}

static void frameworks_files_give_their_logits(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    float *image = mem_new(sizeof *image * 3 * SIZE * SIZE);
    synth_image("A", SIZE, SIZE, image);
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++)
        check_sample(&samples[i], image);
    free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frameworks_files_give_their_logits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

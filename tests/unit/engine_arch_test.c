#include "engine/model/arch.h"

#include "tests/support/interp.h"
#include "tests/support/reference.h"
#include "tests/support/says.h"
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

// The published sizes: trainable parameters, running statistics beside them,
// multiply-adds at 299. Counted in the publishers' own frameworks.
static const struct published {
    const char *model;
    uint64_t params, stats, macs;
} published[] = {
    {"timm_xception", 22855952, 54528, 8357403496},
    {"keras_xception", 22855952, 54528, 8357403496},
    {"timm_xception41", 26969560, 115312, 9204134312},
    {"timm_xception41p", 26907752, 53504, 9204134312},
    {"timm_xception65", 39916312, 185200, 13852682216},
    {"timm_xception65p", 39819560, 88448, 13852682216},
    {"timm_xception71", 42338736, 198976, 17946553928},
    {"ppcls_xception41", 22919600, 100320, 8498210072},
    {"ppcls_xception41_deeplab", 26969560, 115312, 9204134312},
    {"ppcls_xception65", 35866352, 170208, 13146757976},
    {"ppcls_xception65_deeplab", 39916312, 185200, 13852682216},
    {"ppcls_xception71", 37678496, 178080, 16084271704},
};
enum { PUBLISHED = sizeof published / sizeof published[0] };

static void need_reference(void)
{
    if (!reference_present())
        skip();
}

static void sizes_are_the_published_ones(void **state)
{
    (void)state;
    need_reference();
    for (int m = 0; m < PUBLISHED; m++) {
        struct bag bag = {0};
        struct net net = {0};
        struct err e = {0};
        if (synth_bag(published[m].model, &bag, &e) || arch_build(&bag, NULL, &net, &e) ||
            net_check(&net, &e))
            fail_msg("%s: %s", published[m].model, e.msg);
        assert_string_equal(net.arch, published[m].model);
        struct net_shape *shapes = mem_new((size_t)net.count * sizeof *shapes);
        assert_int_equal(net_shapes(&net, 299, 299, shapes, &e), ERR_OK);
        uint64_t params = 0, stats = 0, macs = 0;
        for (int i = 0; i < net.count; i++) {
            params += net.nodes[i].params;
            stats += net.nodes[i].params_stats;
            macs += net_macs(&net, i, shapes);
        }
        assert_int_equal(params, published[m].params);
        assert_int_equal(stats, published[m].stats);
        assert_int_equal(macs, published[m].macs);
        free(shapes);
        // The structure alone tells the architecture, batch norm folded or not.
        for (int folded = 0; folded < 2; folded++) {
            net.arch[0] = net.publisher[0] = '\0';
            arch_recognise(&net);
            assert_string_equal(net.arch, published[m].model);
            assert_int_equal(net_fold(&net, &e), ERR_OK);
        }
        net_release(&net);
        bag_release(&bag);
    }
}

// A small legacy Xception in timm's names: what damage is planted in.
struct toy {
    struct bag bag;
    const char *skip, *other_shape; // a tensor left out; one that is one longer
};

static void put(struct toy *toy, const char *name, int ndim, const size_t *shape)
{
    if (toy->skip && strcmp(name, toy->skip) == 0)
        return;
    struct bag_tensor t = {.name = (char *)name, .dtype = BAG_F32, .ndim = ndim};
    size_t n = 1;
    for (int i = 0; i < ndim; i++) {
        t.shape[i] = shape[i];
        if (i == 0 && toy->other_shape && strcmp(name, toy->other_shape) == 0)
            t.shape[i]++;
        n *= t.shape[i];
    }
    float *values = mem_array(n, sizeof *values);
    for (size_t i = 0; i < n; i++)
        values[i] = 0.1F;
    bag_take_block(&toy->bag, values);
    t.data = values;
    t.bytes = n * sizeof *values;
    assert_int_equal(bag_add(&toy->bag, &t, NULL), ERR_OK);
}

static void put_leaf(struct toy *toy, const char *layer, const char *leaf, size_t out,
                     size_t in, size_t kernel)
{
    char *name = mem_printf("%s%s", layer, leaf);
    put(toy, name, in ? 4 : 1, (size_t[]){out, in, kernel, kernel});
    free(name);
}

static void put_bn(struct toy *toy, const char *layer, size_t channels)
{
    static const char *const leaves[] = {".weight", ".bias", ".running_mean",
                                         ".running_var"};
    for (int i = 0; i < 4; i++)
        put_leaf(toy, layer, leaves[i], channels, 0, 0);
}

static void put_separable(struct toy *toy, const char *layer, const char *bn, size_t in,
                          size_t out)
{
    put_leaf(toy, layer, ".conv1.weight", in, 1, 3);
    put_leaf(toy, layer, ".pointwise.weight", out, in, 1);
    put_bn(toy, bn, out);
}

static void put_block(struct toy *toy, int b, bool strided)
{
    for (int i = 0; i < (strided ? 2 : 3); i++) {
        int place = 3 * i + (b > 1);
        char *layer = mem_printf("block%d.rep.%d", b, place);
        char *bn = mem_printf("block%d.rep.%d", b, place + 1);
        put_separable(toy, layer, bn, 4, 4);
        free(layer);
        free(bn);
    }
    char *skip = mem_printf("block%d.skip", b), *bn = mem_printf("block%d.skipbn", b);
    if (strided) {
        put_leaf(toy, skip, ".weight", 4, 4, 1);
        put_bn(toy, bn, 4);
    }
    free(skip);
    free(bn);
}

static void toy_init(struct toy *toy)
{
    toy->bag.path = mem_dup("toy.pth");
    put(toy, "conv1.weight", 4, (size_t[]){4, 3, 3, 3});
    put_bn(toy, "bn1", 4);
    put(toy, "conv2.weight", 4, (size_t[]){4, 4, 3, 3});
    put_bn(toy, "bn2", 4);
    for (int b = 1; b <= 5; b++)
        put_block(toy, b, b <= 3);
    put_block(toy, 12, true);
    put_separable(toy, "conv3", "bn3", 4, 4);
    put_separable(toy, "conv4", "bn4", 4, 6);
    put(toy, "fc.weight", 2, (size_t[]){7, 6});
    put(toy, "fc.bias", 1, (size_t[]){7});
}

static enum err_code toy_build(struct toy *toy, const char *arch, struct net *net,
                               struct err *e)
{
    *net = (struct net){0};
    enum err_code rc = arch_build(&toy->bag, arch, net, e);
    bag_release(&toy->bag);
    return rc;
}

static void widths_and_depths_come_from_the_tensors(void **state)
{
    (void)state;
    struct toy toy = {0};
    struct net net;
    struct err e = {0};
    toy_init(&toy);
    if (toy_build(&toy, NULL, &net, &e) || net_check(&net, &e))
        fail_msg("%s", e.msg);
    assert_string_equal(net.arch, "timm_xception");
    assert_string_equal(net.publisher, "timm");
    assert_string_equal(net.preset, "xception");
    assert_int_equal(net.nodes[net.count - 1].channels, 7);
    int adds = 0;
    for (int i = 0; i < net.count; i++)
        adds += net.nodes[i].op == NET_ADD;
    assert_int_equal(adds, 6);
    net_release(&net);
}

static void check_damage(struct toy *toy, const char *arch, const char *says)
{
    struct net net;
    struct err e = {0};
    assert_int_equal(toy_build(toy, arch, &net, &e), ERR_FORMAT);
    assert_says(&e, says);
    assert_int_equal(net.count, 0);
}

static void damage_is_named(void **state)
{
    (void)state;
    struct toy missing = {.skip = "block4.rep.2.running_var"};
    toy_init(&missing);
    check_damage(&missing, NULL, "toy.pth: tensor block4.rep.2.running_var is missing");

    struct toy spare = {0};
    toy_init(&spare);
    put(&spare, "aux.weight", 1, (size_t[]){3});
    check_damage(&spare, NULL, "toy.pth: tensor aux.weight has no place");

    struct toy shape = {.other_shape = "block2.skipbn.bias"};
    toy_init(&shape);
    check_damage(&shape, NULL, "tensor block2.skipbn.bias is 5, expected 4");

    struct toy kernel = {.skip = "conv2.weight"};
    toy_init(&kernel);
    kernel.skip = NULL;
    put(&kernel, "conv2.weight", 4, (size_t[]){4, 4, 5, 5});
    check_damage(&kernel, NULL, "tensor conv2.weight is 4x4x5x5, expected ?x4x3x3");

    struct toy variance = {0};
    toy_init(&variance);
    float *values = (float *)(uintptr_t)bag_find(&variance.bag, "bn2.running_var")->data;
    values[1] = -1;
    check_damage(&variance, NULL, "bn2.running_var has -1 at 1, expected 0 or more");

    struct toy nan = {0};
    toy_init(&nan);
    values = (float *)(uintptr_t)bag_find(&nan.bag, "conv3.pointwise.weight")->data;
    values[9] = NAN;
    check_damage(&nan, NULL, "conv3.pointwise.weight holds NaN at element 9 of 16");
}

static void strangers_are_refused(void **state)
{
    (void)state;
    struct toy resnet = {.bag.path = mem_dup("resnet.pth")};
    put(&resnet, "layer1.0.conv1.weight", 4, (size_t[]){4, 3, 3, 3});
    check_damage(&resnet, NULL,
                 "resnet.pth: not an Xception: none of its 1 tensors (the first is "
                 "layer1.0.conv1.weight) is block1.rep.0.conv1.weight (timm_xception)");

    struct toy empty = {.bag.path = mem_dup("empty.pth")};
    check_damage(&empty, NULL, "empty.pth: not an Xception: none of its 0 tensors");

    struct toy other = {0};
    toy_init(&other);
    check_damage(&other, "keras_xception",
                 "toy.pth: not a keras_xception: it has no tensor block1_conv1/kernel");

    struct toy unknown = {0};
    struct net net;
    struct err e = {0};
    toy_init(&unknown);
    assert_int_equal(toy_build(&unknown, "xception9", &net, &e), ERR_USAGE);
    assert_says(&e, "unknown architecture xception9, expected one of timm_xception,");
}

static void strides_must_be_known(void **state)
{
    (void)state;
    need_reference();
    struct bag bag = {0};
    struct net net = {0};
    struct err e = {0};
    assert_int_equal(synth_bag("timm_xception71", &bag, &e), ERR_OK);
    assert_int_equal(arch_build(&bag, "timm_xception65", &net, &e), ERR_FORMAT);
    assert_says(&e, "5 blocks in the entry flow, timm_xception65 has 3");
    bag_release(&bag);
}

// Whole models at 224 in double precision against the logits of the publishers' own
// frameworks (float32): 1e-4 of the range is asked, rounding alone gives about 1e-6.
static void logits_are_the_publishers(void **state)
{
    (void)state;
    need_reference();
    enum { SIZE = 224, CLASSES = 1000 };
    // The others are left to the golden tests of the engine: seconds each, here.
    const uint64_t quick = 8400000000;
    float *image = mem_new(sizeof *image * 3 * SIZE * SIZE);
    synth_image("A", SIZE, SIZE, image);
    for (int m = 0; m < PUBLISHED; m++) {
        const char *model = published[m].model;
        struct bag bag = {0};
        struct net net = {0};
        struct err e = {0};
        struct reference *reference = NULL;
        float got[CLASSES] = {0}, want[CLASSES] = {0};
        float low = INFINITY, high = -INFINITY, worst = 0;
        if (published[m].macs > quick)
            continue;
        if (synth_bag(model, &bag, &e) || arch_build(&bag, NULL, &net, &e) ||
            reference_open(model, &reference, &e) ||
            interp_run(&net, SIZE, SIZE, image, got, &e))
            fail_msg("%s: %s", model, e.msg);
        assert_int_equal(reference_logits(reference, "A_224x224", want, CLASSES),
                         CLASSES);
        for (int i = 0; i < CLASSES; i++) {
            low = fminf(low, want[i]);
            high = fmaxf(high, want[i]);
            worst = fmaxf(worst, fabsf(got[i] - want[i]));
        }
        print_message("%s: |difference| at most %.2g of a range of %.3g\n", model,
                      (double)worst, (double)(high - low));
        assert_true(worst <= 1e-4F * (high - low));
        reference_close(reference);
        net_release(&net);
        bag_release(&bag);
    }
    free(image);
}

// Figures of the published tables (models/MODELS.md); own parameters by counting.
static void published_figures_go_with_the_published_networks(void **state)
{
    (void)state;
    struct arch_figures f;
    assert_true(arch_published("timm_xception65", 39916312, 185200, &f));
    assert_true(f.params_m == 39.912 && f.work_g == 15.241);
    assert_non_null(strstr(f.note, "224x224"));
    assert_true(arch_published("ppcls_xception41", 22919600, 100320, &f));
    assert_true(f.params_m == 23.020 && f.work_g == 8.570);
    assert_non_null(strstr(f.note, "paddle.flops"));
    assert_true(arch_published("keras_xception", 22855952, 54528, &f));
    assert_false(arch_published("keras_xception", 20861480, 54528, &f)); // no classifier
    assert_false(arch_published("other", 22855952, 54528, &f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(widths_and_depths_come_from_the_tensors),
        cmocka_unit_test(damage_is_named),
        cmocka_unit_test(strangers_are_refused),
        cmocka_unit_test(sizes_are_the_published_ones),
        cmocka_unit_test(strides_must_be_known),
        cmocka_unit_test(logits_are_the_publishers),
        cmocka_unit_test(published_figures_go_with_the_published_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

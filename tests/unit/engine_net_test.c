#include "engine/model/net.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static float *floats(size_t n, float first, float step)
{
    float *x = mem_array(n, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = first + step * (float)i;
    return x;
}

static struct net_node *last(struct net *net)
{
    return &net->nodes[net->count - 1];
}

static void window(struct net_node *node, int kernel, int stride, int pad)
{
    node->kernel_h = node->kernel_w = kernel;
    node->stride = stride;
    node->dilation = 1;
    node->pad_top = node->pad_left = node->pad_bottom = node->pad_right = pad;
}

// input - conv 3x3/2 - affine - relu - depthwise 3x3 - pointwise - pool - gap - fc, with
// a strided pointwise skip around the body.
static void build(struct net *net)
{
    net_add(net, NET_INPUT, "in", -1, -1);
    last(net)->channels = 3;
    net_add(net, NET_CONV, "stem", 0, -1);
    window(last(net), 3, 2, 0);
    last(net)->channels = 4;
    last(net)->weight = floats(3 * 3 * 3 * 4, -1, 0.25F);
    last(net)->params = 108;
    net_add(net, NET_AFFINE, "stem_bn", 1, -1);
    last(net)->channels = 4;
    last(net)->weight = floats(4, 0.5F, 1);
    last(net)->bias = floats(4, -3, 2);
    last(net)->params = last(net)->params_stats = 8;
    net_add(net, NET_RELU, "stem_act", 2, -1);
    last(net)->channels = 4;
    net_add(net, NET_DEPTHWISE, "dw", 3, -1);
    window(last(net), 3, 1, 1);
    last(net)->channels = 4;
    last(net)->weight = floats(36, 0, 1);
    net_add(net, NET_CONV, "pw", 4, -1);
    window(last(net), 1, 1, 0);
    last(net)->channels = 5;
    last(net)->weight = floats(20, 0, 1);
    net_add(net, NET_MAXPOOL, "pool", 5, -1);
    window(last(net), 3, 2, 1);
    last(net)->padding = NET_PAD_SAME;
    last(net)->channels = 5;
    net_add(net, NET_CONV, "skip", 3, -1);
    window(last(net), 1, 2, 0);
    last(net)->channels = 5;
    last(net)->weight = floats(20, 0, 1);
    net_add(net, NET_ADD, "add", 6, 7);
    last(net)->channels = 5;
    net_add(net, NET_GAP, "gap", 8, -1);
    last(net)->channels = 5;
    net_add(net, NET_FC, "fc", 9, -1);
    last(net)->channels = 2;
    last(net)->weight = floats(10, 0, 1);
    last(net)->bias = floats(2, 0, 1);
}

static void shapes_follow_the_windows(void **state)
{
    (void)state;
    struct net net = {0};
    struct net_shape s[16];
    struct err e = {0};
    build(&net);
    assert_int_equal(net_check(&net, &e), ERR_OK);
    assert_int_equal(net_shapes(&net, 21, 18, s, &e), ERR_OK);
    assert_int_equal(s[1].h, 10); // (21-3)/2+1
    assert_int_equal(s[1].w, 8);
    assert_int_equal(s[4].h, 10);
    assert_int_equal(s[6].h, 5); // SAME on an even extent: nothing in front
    assert_int_equal(s[6].pad_top, 0);
    assert_int_equal(s[7].h, 5);
    assert_int_equal(s[10].h, 1);
    assert_int_equal(net_shapes(&net, 19, 19, s, &e), ERR_OK);
    assert_int_equal(s[1].h, 9);
    assert_int_equal(s[6].h, 5); // odd: one in front, one behind
    assert_int_equal(s[6].pad_top, 1);
    assert_true(net_macs(&net, 1, s) == 9 * 9 * 27 * 4);
    assert_true(net_macs(&net, 4, s) == 9 * 9 * 9 * 4);
    assert_true(net_macs(&net, 10, s) == 10);
    assert_true(net_macs(&net, 6, s) == 0);
    assert_int_equal(net_shapes(&net, 2, 40, s, &e), ERR_FORMAT);
    assert_non_null(strstr(e.msg, "stem"));
    assert_int_equal(net_shapes(&net, 0, 40, s, &e), ERR_FORMAT);
    net.nodes[7].stride = 1;
    assert_int_equal(net_shapes(&net, 19, 19, s, &e), ERR_FORMAT);
    assert_non_null(strstr(e.msg, "add adds 5x5 to 9x9"));
    net_release(&net);
    net_release(&net);
}

static void same_padding_equals_tensorflow(void **state)
{
    (void)state;
    // kernel, stride, extent, out, pad in front: tf.nn.max_pool2d(padding="SAME").
    static const int cases[][5] = {
        {3, 2, 147, 74, 1}, {3, 2, 74, 37, 0}, {3, 2, 37, 19, 1}, {3, 2, 19, 10, 1},
        {3, 1, 19, 19, 1},  {1, 2, 74, 37, 0}, {5, 2, 10, 5, 1},  {2, 2, 9, 5, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct net net = {0};
        struct net_shape s[2];
        net_add(&net, NET_INPUT, "in", -1, -1);
        net_add(&net, NET_MAXPOOL, "pool", 0, -1);
        window(last(&net), cases[i][0], cases[i][1], 0);
        last(&net)->padding = NET_PAD_SAME;
        assert_int_equal(net_shapes(&net, cases[i][2], cases[i][2], s, NULL), ERR_OK);
        assert_int_equal(s[1].h, cases[i][3]);
        assert_int_equal(s[1].pad_left, cases[i][4]);
        net_release(&net);
    }
}

static void folding_moves_the_affine_into_the_conv(void **state)
{
    (void)state;
    struct net net = {0};
    struct err e = {0};
    build(&net);
    float before[108];
    memcpy(before, net.nodes[1].weight, sizeof before);
    assert_int_equal(net_fold(&net, &e), ERR_OK);
    assert_int_equal(net.count, 10);
    assert_int_equal(net_check(&net, &e), ERR_OK);
    const struct net_node *stem = &net.nodes[1];
    static const float scale[] = {0.5F, 1.5F, 2.5F, 3.5F}, shift[] = {-3, -1, 1, 3};
    for (int i = 0; i < 108; i++)
        assert_true(stem->weight[i] == before[i] * scale[i % 4]);
    for (int k = 0; k < 4; k++)
        assert_true(stem->bias[k] == shift[k]);
    assert_true(stem->params == 116 && stem->params_stats == 8);
    assert_int_equal(net.nodes[2].in[0], 1);
    assert_string_equal(net.nodes[7].name, "add");
    assert_int_equal(net.nodes[7].in[0], 5);
    assert_int_equal(net.nodes[7].in[1], 6);
    net_release(&net);
}

static void folding_leaves_a_conv_that_others_read(void **state)
{
    (void)state;
    struct net net = {0};
    build(&net);
    net.nodes[4].in[0] = 1; // the depthwise now reads the bare stem
    assert_int_equal(net_fold(&net, NULL), ERR_OK);
    assert_int_equal(net.count, 11);
    net_release(&net);
}

static void folding_does_not_write_to_borrowed_weights(void **state)
{
    (void)state;
    struct net net = {0};
    build(&net);
    float *mapped = net.nodes[1].weight;
    float keep[108];
    memcpy(keep, mapped, sizeof keep);
    net.nodes[1].borrowed = true;
    assert_int_equal(net_fold(&net, NULL), ERR_OK);
    assert_memory_equal(mapped, keep, sizeof keep);
    assert_ptr_not_equal(net.nodes[1].weight, mapped);
    net_release(&net);
    free(mapped);
}

// Each breaks one thing that net_check promises; the message must name the node.
static void break_net(struct net *net, int which)
{
    switch (which) {
    case 0:
        net->nodes[5].weight[7] = NAN;
        break;
    case 1:
        net->nodes[6].channels = 6;
        break;
    case 2:
        net->nodes[3].in[0] = 4;
        break;
    case 3:
        net->nodes[7].stride = 0;
        break;
    case 4:
        net->nodes[6].kernel_h = 100000;
        break;
    case 5:
        net->nodes[4].pad_top = 3;
        break;
    case 6:
        net->nodes[10].op = NET_RELU;
        break;
    case 7:
        net->nodes[0].channels = 1;
        break;
    case 8:
        net->nodes[8].in[1] = 6;
        break;
    case 9:
        net->nodes[10].bias[1] = -INFINITY;
        break;
    case 10:
        free(net->nodes[4].weight);
        net->nodes[4].weight = NULL;
        break;
    default:
        net->nodes[9].op = NET_SCALE;
        net->nodes[9].scale = 1;
        break;
    }
}

static void broken_nets_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const says[] = {
        "pw: weight 7 is not a finite",
        "pool: 6 channels, expected 5",
        "stem_act: input 0",
        "skip: stride 0",
        "pool: kernel 100000",
        "dw: padding",
        "fc: 2 channels, expected 5",
        "in: 1 channels",
        "skip: no layer reads",
        "fc: bias 1",
        "dw: has no weights",
        "fc: dense in front of",
    };
    for (int i = 0; i < 12; i++) {
        struct net net = {0};
        struct err e = {0};
        build(&net);
        break_net(&net, i);
        assert_int_equal(net_check(&net, &e), ERR_FORMAT);
        if (!strstr(e.msg, says[i]))
            fail_msg("case %d: \"%s\" lacks \"%s\"", i, e.msg, says[i]);
        net_release(&net);
    }
}

static void no_number_escapes_the_check(void **state)
{
    (void)state;
    static const float odd[] = {NAN, -NAN, INFINITY, -INFINITY};
    static const size_t places[] = {0, 1, 1023, 1024, 2047, 2048, 2099};
    struct net net = {0};
    struct err e = {0};
    build(&net);
    net.nodes[10].channels = 420;
    free(net.nodes[10].weight);
    free(net.nodes[10].bias);
    net.nodes[10].bias = NULL;
    net.nodes[10].weight = floats(2100, -3e38F, 1e35F);
    net.nodes[10].weight[7] = 1e-45F; // a denormal is a number
    assert_int_equal(net_check(&net, &e), ERR_OK);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        float *place = &net.nodes[10].weight[places[i]], kept = *place;
        char says[32];
        *place = odd[i % 4];
        (void)snprintf(says, sizeof says, "fc: weight %zu ", places[i]);
        assert_int_equal(net_check(&net, &e), ERR_FORMAT);
        assert_non_null(strstr(e.msg, says));
        *place = kept;
    }
    net_release(&net);
}

static void ops_have_names(void **state)
{
    (void)state;
    struct net net = {0};
    build(&net);
    assert_string_equal(net_op_name(&net.nodes[1]), "conv3x3");
    assert_string_equal(net_op_name(&net.nodes[4]), "depthwise3x3");
    assert_string_equal(net_op_name(&net.nodes[5]), "pointwise");
    assert_string_equal(net_op_name(&net.nodes[6]), "maxpool3x3");
    net.nodes[1].kernel_h = 4;
    assert_string_equal(net_op_name(&net.nodes[1]), "conv");
    net_release(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_follow_the_windows),
        cmocka_unit_test(same_padding_equals_tensorflow),
        cmocka_unit_test(folding_moves_the_affine_into_the_conv),
        cmocka_unit_test(folding_leaves_a_conv_that_others_read),
        cmocka_unit_test(folding_does_not_write_to_borrowed_weights),
        cmocka_unit_test(broken_nets_are_refused_by_name),
        cmocka_unit_test(no_number_escapes_the_check),
        cmocka_unit_test(ops_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// A real ONNX model, changed to another way to write the same network, must give the same
// logits; where the change is a step too far, it must say so.

#include "tests/support/interp.h"
#include "tests/support/onnx_edit.h"
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
#include <onnx.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIZE = 75, CLASSES = 10 };

static void check_same_logits(Onnx__Model *m, const char *path, double tolerance)
{
    struct net net = {0};
    struct err e = {0};
    float got[CLASSES] = {0}, want[CLASSES] = {0};
    float *image = mem_new(sizeof *image * 3 * SIZE * SIZE);
    bool softmax;
    synth_image("A", SIZE, SIZE, image);
    if (onnx_edit_open_take(m, path, &net, &e) || net_check(&net, &e) ||
        interp_run(&net, SIZE, SIZE, image, got, &e))
        fail_msg("%s", e.msg);
    assert_int_equal(reference_tiny("timm_micro", want, CLASSES, &softmax), CLASSES);
    for (int i = 0; i < CLASSES; i++)
        if (!(fabs((double)got[i] - (double)want[i]) <= tolerance * 5))
            fail_msg("logit %d is %g, expected %g", i, (double)got[i], (double)want[i]);
    net_release(&net);
    free(image);
}

static Onnx__Model *folded(void)
{
    return onnx_edit_load("timm_micro.op13.folded.onnx");
}

static void opsets_that_mean_the_same(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    for (int64_t version = 9; version <= 21; version++) {
        Onnx__Model *m = folded();
        m->opset_import[0]->version = version;
        check_same_logits(m, "m", 1e-5);
    }
}

// The first Conv of the model pads by 1; let something else do it.
static void padding_by_other_means(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    Onnx__Model *m = folded();
    Onnx__Node *conv = onnx_edit_op(m, "Conv");
    onnx_edit_ints(onnx_edit_attribute(conv, "pads"), 4, (int64_t[]){0, 0, 0, 0});
    onnx_edit_insert(m, 0, "Pad", conv->input[0], "pads", "padded");
    onnx_edit_text(&conv->input[0], "padded");
    onnx_edit_add_tensor(m, "pads", ONNX_INT64, 1, (int64_t[]){8},
                         (int64_t[]){0, 0, 1, 1, 0, 0, 1, 1});
    check_same_logits(m, "m", 1e-5);

    m = folded();
    conv = onnx_edit_op(m, "Conv");
    onnx_edit_insert(m, 0, "Pad", conv->input[0], NULL, "padded");
    onnx_edit_ints(onnx_edit_add_attribute(m->graph->node[0], "pads"), 8,
                   (int64_t[]){0, 0, 1, 1, 0, 0, 1, 1});
    onnx_edit_text(&m->graph->node[1]->input[0], "padded");
    onnx_edit_ints(onnx_edit_attribute(m->graph->node[1], "pads"), 4,
                   (int64_t[]){0, 0, 0, 0});
    check_same_logits(m, "m", 1e-5);

    // The second one has stride 1, where SAME means 1 on each side.
    m = folded();
    conv = m->graph->node[2];
    assert_string_equal(conv->op_type, "Conv");
    Onnx__Attribute *same = onnx_edit_add_attribute(conv, "auto_pad");
    same->has_s = 1;
    same->s.data = (uint8_t *)mem_dup("SAME_UPPER");
    same->s.len = strlen("SAME_UPPER");
    onnx_edit_ints(onnx_edit_attribute(conv, "pads"), 4, (int64_t[]){0, 0, 0, 0});
    check_same_logits(m, "m", 1e-5);

    m = folded();
    onnx_edit_insert(m, 1, "Pad", m->graph->node[0]->output[0], "pads", "padded");
    onnx_edit_text(&m->graph->node[2]->input[0], "padded");
    onnx_edit_add_tensor(m, "pads", ONNX_INT64, 1, (int64_t[]){8},
                         (int64_t[]){0, 0, 1, 1, 0, 0, 1, 1});
    onnx_edit_refused(m, "(Relu): reads a padding, expected Conv or MaxPool");
}

static void heads_by_other_means(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    // Mean over axes given as negative numbers, flattened at once.
    Onnx__Model *m = folded();
    Onnx__Node *pool = onnx_edit_op(m, "GlobalAveragePool");
    onnx_edit_text(&pool->op_type, "ReduceMean");
    onnx_edit_ints(onnx_edit_add_attribute(pool, "axes"), 2, (int64_t[]){-1, -2});
    Onnx__Attribute *keep = onnx_edit_add_attribute(pool, "keepdims");
    keep->has_i = 1;
    onnx_edit_text(&onnx_edit_op(m, "Flatten")->op_type, "Identity");
    check_same_logits(m, "m", 1e-5);

    // Channels last in front of it, as TensorFlow has them; axes as an input.
    m = folded();
    m->opset_import[0]->version = 18;
    pool = onnx_edit_op(m, "GlobalAveragePool");
    onnx_edit_text(&pool->op_type, "ReduceMean");
    Onnx__Node *turn = onnx_edit_insert(m, onnx_edit_place(m, pool), "Transpose",
                                        pool->input[0], NULL, "last");
    onnx_edit_ints(onnx_edit_add_attribute(turn, "perm"), 4, (int64_t[]){0, 2, 3, 1});
    onnx_edit_text(&pool->input[0], "last");
    onnx_edit_add_input(pool, "axes");
    onnx_edit_add_tensor(m, "axes", ONNX_INT64, 1, (int64_t[]){2}, (int64_t[]){1, 2});
    onnx_edit_text(&onnx_edit_op(m, "Flatten")->op_type, "Squeeze");
    check_same_logits(m, "m", 1e-5);

    // Gemm as Transpose, MatMul and Add; probabilities at the end.
    m = folded();
    Onnx__Node *gemm = onnx_edit_op(m, "Gemm");
    char *features = mem_dup(gemm->input[0]), *weight = mem_dup(gemm->input[1]);
    char *bias = mem_dup(gemm->input[2]), *logits = mem_dup(gemm->output[0]);
    size_t at = onnx_edit_place(m, gemm);
    onnx_edit_text(&gemm->op_type, "Identity");
    onnx_edit_text(&gemm->output[0], "unused");
    gemm->n_input = 1;
    free(gemm->input[1]);
    free(gemm->input[2]);
    onnx_edit_insert(m, at, "Transpose", weight, NULL, "turned");
    onnx_edit_insert(m, at + 1, "MatMul", features, "turned", "product");
    onnx_edit_insert(m, at + 2, "Add", "product", bias, "sum");
    onnx_edit_insert(m, at + 3, "Softmax", "sum", NULL, logits);
    free(features);
    free(weight);
    free(bias);
    free(logits);
    check_same_logits(m, "m", 1e-5);

    m = folded();
    gemm = onnx_edit_op(m, "Gemm");
    onnx_edit_insert(m, m->graph->n_node, "Softmax", gemm->output[0], NULL, "p");
    onnx_edit_insert(m, m->graph->n_node, "Relu", "p", NULL, "q");
    onnx_edit_refused(m, "behind the softmax, expected the end");
}

static void reshapes_behind_the_pooling(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    static const int64_t shapes[][2] = {{0, -1}, {-1, 16}, {1, 16}, {1, 17}};
    for (size_t i = 0; i < 4; i++) {
        Onnx__Model *m = folded();
        Onnx__Node *flatten = onnx_edit_op(m, "Flatten");
        onnx_edit_text(&flatten->op_type, "Reshape");
        onnx_edit_add_input(flatten, "shape");
        onnx_edit_add_tensor(m, "shape", ONNX_INT64, 1, (int64_t[]){2}, shapes[i]);
        if (i < 3)
            check_same_logits(m, "m", 1e-5);
        else
            onnx_edit_refused(m, "to a shape other than [n, 16]");
    }
}

static void arithmetic_with_constants(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    // x ↦ ((x·2 + 3 − 3) / 2) between the picture and the first layer
    static const float two = 2, three[] = {3, 3, 3};
    static const char *const ops[] = {"Mul", "Add", "Sub", "Div"};
    static const char *const operands[] = {"two", "three", "three", "two"};
    Onnx__Model *m = folded();
    onnx_edit_add_tensor(m, "two", ONNX_FLOAT, 0, NULL, &two);
    onnx_edit_add_tensor(m, "three", ONNX_FLOAT, 4, (int64_t[]){1, 3, 1, 1}, three);
    char *from = mem_dup(m->graph->node[0]->input[0]);
    for (size_t i = 0; i < 4; i++) {
        char *to = mem_printf("arith%zu", i);
        onnx_edit_insert(m, i, ops[i], from, operands[i], to);
        free(from);
        from = to;
    }
    onnx_edit_text(&m->graph->node[4]->input[0], from);
    free(from);
    check_same_logits(m, "m", 1e-5);

    m = folded();
    static const float row[5] = {1, 2, 3, 4, 5};
    onnx_edit_add_tensor(m, "row", ONNX_FLOAT, 1, (int64_t[]){5}, row);
    onnx_edit_insert(m, 0, "Mul", m->graph->node[0]->input[0], "row", "odd");
    onnx_edit_refused(m, "its constant is neither one number nor one a channel");
}

static void numbers_in_other_places(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    Onnx__Model *m = onnx_edit_micro();
    Onnx__Tensor *t = onnx_edit_weights(m);
    size_t n = t->raw_data.len / sizeof(float);
    t->n_float_data = n;
    t->float_data = mem_new(n * sizeof(float));
    memcpy(t->float_data, t->raw_data.data, n * sizeof(float));
    onnx_edit_clear_raw(t);
    check_same_logits(m, "m", 1e-5);

    // bfloat16 in int32_data: the upper half of each float, so 2^-8 is lost at most
    m = onnx_edit_micro();
    t = onnx_edit_weights(m);
    t->data_type = ONNX_BFLOAT16;
    t->n_int32_data = n;
    t->int32_data = mem_new(n * sizeof(int32_t));
    for (size_t i = 0; i < n; i++) {
        uint16_t upper;
        memcpy(&upper, t->raw_data.data + 4 * i + 2, sizeof upper);
        t->int32_data[i] = upper;
    }
    onnx_edit_clear_raw(t);
    check_same_logits(m, "m", 5e-3);

    // float16, raw: ±0.5 everywhere changes the logits, but is read
    m = onnx_edit_micro();
    t = onnx_edit_weights(m);
    t->data_type = ONNX_FLOAT16;
    t->raw_data.len = 2 * n;
    for (size_t i = 0; i < n; i++)
        memcpy(t->raw_data.data + 2 * i, &(uint16_t){i % 2 ? 0x3800 : 0xb800}, 2);
    struct net net = {0};
    struct err e = {0};
    assert_int_equal(onnx_edit_open_take(m, "m", &net, &e), ERR_OK);
    assert_true(fabsf(net.nodes[1].weight[0]) == 0.5F);
    net_release(&net);
}

static void add_external(Onnx__Tensor *t, const char *key, const char *value)
{
    Onnx__StringEntry *entry = mem_new(sizeof *entry);
    onnx__string_entry__init(entry);
    entry->key = mem_dup(key);
    entry->value = mem_dup(value);
    t->external_data = onnx_edit_append(t->external_data, &t->n_external_data, entry);
    t->has_data_location = 1;
    t->data_location = 1;
}

static Onnx__Model *with_external(const char *location, const char *offset,
                                  const char *length)
{
    Onnx__Model *m = onnx_edit_micro();
    Onnx__Tensor *t = onnx_edit_weights(m);
    onnx_edit_clear_raw(t);
    add_external(t, "location", location);
    add_external(t, "offset", offset);
    add_external(t, "length", length);
    return m;
}

static void external_data_stays_inside(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    static const char *const outside[] = {"../m.data", "/etc/passwd", "a/../../m", "..",
                                          ""};
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        onnx_edit_refused(with_external(outside[i], "0", "3456"),
                          "outside of its folder");
    onnx_edit_refused(with_external("absent.data", "0", "3456"), "/nowhere/absent.data");
    onnx_edit_refused(with_external("m.data", "-1", "3456"), "without a place");

    char folder[] = "/tmp/xlens-onnx-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *data = mem_printf("%s/m.data", folder), *path = mem_printf("%s/m.onnx", folder);
    FILE *f = fopen(data, "wb");
    assert_non_null(f);
    Onnx__Model *m = onnx_edit_micro();
    const Onnx__Tensor *t = onnx_edit_weights(m);
    static const uint8_t padding[64];
    assert_int_equal(fwrite(padding, 1, 64, f), 64);
    assert_int_equal(fwrite(t->raw_data.data, 1, t->raw_data.len, f), t->raw_data.len);
    assert_int_equal(fclose(f), 0);
    onnx__model__free_unpacked(m, NULL);
    check_same_logits(with_external("m.data", "64", "3456"), path, 1e-5);
    struct net net = {0};
    struct err e = {0};
    assert_int_equal(
        onnx_edit_open_take(with_external("m.data", "65", "3456"), path, &net, &e),
        ERR_FORMAT);
    assert_says(&e, "bytes 65 to 3521 of m.data, which has 3520");
    assert_int_equal(unlink(data), 0);
    assert_int_equal(rmdir(folder), 0);
    free(data);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opsets_that_mean_the_same),
        cmocka_unit_test(padding_by_other_means),
        cmocka_unit_test(heads_by_other_means),
        cmocka_unit_test(reshapes_behind_the_pooling),
        cmocka_unit_test(arithmetic_with_constants),
        cmocka_unit_test(numbers_in_other_places),
        cmocka_unit_test(external_data_stays_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

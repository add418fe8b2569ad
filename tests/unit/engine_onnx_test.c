// A real ONNX model with damage planted in one place must say what is wrong with it.

#include "engine/weights/onnx/onnx.h"

#include "tests/support/onnx_edit.h"
#include "tests/support/reference.h"
#include "tests/support/says.h"

#include "base/clock.h"
#include "base/mem.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <onnx.pb-c.h>
#include <stdlib.h>
#include <string.h>

static void graphs_that_are_refused(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    Onnx__Model *m = onnx_edit_micro();
    onnx_edit_text(&onnx_edit_op(m, "Relu")->op_type, "LSTM");
    onnx_edit_refused(m, "(LSTM): the op LSTM is not known");

    m = onnx_edit_micro();
    onnx_edit_text(&onnx_edit_op(m, "Relu")->domain, "com.microsoft");
    onnx_edit_refused(m, "the op com.microsoft.Relu is not known");

    m = onnx_edit_micro();
    Onnx__Node *last = m->graph->node[m->graph->n_node - 1];
    onnx_edit_text(&m->graph->node[0]->input[0], last->output[0]);
    onnx_edit_refused(m, "makes: it is missing, or the graph has a cycle");

    m = onnx_edit_micro();
    onnx_edit_text(&m->graph->node[3]->output[0], m->graph->node[2]->output[0]);
    onnx_edit_refused(m, "is made twice");

    m = onnx_edit_micro();
    onnx_edit_attribute(onnx_edit_op(m, "Conv"), "group")->i = 2;
    onnx_edit_refused(m, "2 groups of 3 channels, expected 1 or all");

    m = onnx_edit_micro();
    onnx_edit_ints(onnx_edit_attribute(onnx_edit_op(m, "Conv"), "strides"), 2,
                   (int64_t[]){2, 1});
    onnx_edit_refused(m, "strides or dilations that differ by direction");

    m = onnx_edit_micro();
    m->opset_import[0]->version = 22;
    onnx_edit_refused(m, "ONNX opset 22, expected 9 to 21");
    m = onnx_edit_micro();
    m->opset_import[0]->version = 8;
    onnx_edit_refused(m, "ONNX opset 8, expected 9 to 21");

    m = onnx_edit_micro();
    m->graph->input[0]->type->tensor_type->shape->dim[1]->dim_value = 4;
    onnx_edit_refused(m, "has 4 channels, expected 3");

    m = onnx_edit_micro();
    onnx_edit_text(&m->graph->output[0]->name, m->graph->node[0]->output[0]);
    onnx_edit_refused(m, "is not what the last layer gives");

    m = onnx_edit_micro();
    m->graph->n_node--;
    onnx__node__free_unpacked(m->graph->node[m->graph->n_node], NULL);
    onnx_edit_refused(m, "is not what the last layer gives");
}

static void tensors_that_are_refused(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    Onnx__Model *m = onnx_edit_micro();
    onnx_edit_weights(m)->dims[0] = 1 << 30;
    onnx_edit_refused(m, "has 3456 bytes, its shape asks for 115964116992");

    m = onnx_edit_micro();
    onnx_edit_weights(m)->dims[0] = INT64_MAX;
    onnx_edit_refused(m, "overflows");

    m = onnx_edit_micro();
    onnx_edit_weights(m)->dims[0] = -1;
    onnx_edit_refused(m, "has the extent -1");

    m = onnx_edit_micro();
    onnx_edit_weights(m)->dims[1] = 9;
    onnx_edit_weights(m)->dims[2] = 1;
    onnx_edit_refused(m, "is 32x9x1x3, expected ?x3x?x?");

    m = onnx_edit_micro();
    onnx_edit_weights(m)->data_type = ONNX_INT64;
    onnx_edit_refused(m, "its shape asks for 6912");

    m = onnx_edit_micro();
    onnx_edit_weights(m)->data_type = ONNX_INT64;
    onnx_edit_weights(m)->dims[0] = 16;
    onnx_edit_refused(m, "is of int64 type, expected a float type");

    m = onnx_edit_micro();
    memcpy(onnx_edit_weights(m)->raw_data.data + 40, &(float){NAN}, sizeof(float));
    onnx_edit_refused(m, "holds NaN at element 10 of 864");

    m = onnx_edit_micro();
    onnx_edit_weights(m)->raw_data.len -= 4;
    onnx_edit_refused(m, "has 3452 bytes");

    m = onnx_edit_micro();
    onnx_edit_text(&m->graph->initializer[1]->name, m->graph->initializer[0]->name);
    onnx_edit_refused(m, "appears twice");

    m = onnx_edit_micro();
    onnx_edit_text(&onnx_edit_op(m, "Conv")->input[1], "input");
    onnx_edit_text(&onnx_edit_op(m, "Conv")->input[1], m->graph->input[0]->name);
    onnx_edit_refused(m, "input 1 is no constant");
}

static void bytes_that_are_no_message(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    Onnx__Model *m = onnx_edit_micro();
    struct file_bytes bytes = onnx_edit_pack(m);
    onnx__model__free_unpacked(m, NULL);
    for (size_t len = 16; len < bytes.len; len += 4001) {
        struct file_bytes cut = {.data = bytes.data, .len = len};
        struct net net = {0};
        struct err e = {0};
        assert_int_equal(onnx_open(&cut, "m", &net, &e), ERR_FORMAT);
        assert_says(&e, "m: damaged ONNX");
    }
    file_bytes_release(&bytes);
}

// A megabyte of empty nodes claims a hundred; a few bytes claim four gigabytes.
static void claims_cost_nothing(void **state)
{
    (void)state;
    enum { LEN = 1 << 20 };
    uint8_t *bomb = mem_new(LEN);
    bomb[0] = 0x08;
    bomb[1] = 0x07;
    bomb[2] = 0x3a; // graph, of LEN - 7 bytes in four
    for (int i = 0; i < 4; i++)
        bomb[3 + i] = (uint8_t)(((LEN - 7) >> (7 * i) & 0x7f) | (i < 3 ? 0x80 : 0));
    for (size_t i = 7; i + 1 < LEN; i += 2)
        bomb[i] = 0x0a; // a node of 0 bytes
    struct file_bytes bytes = {.data = bomb, .len = LEN - 1};
    struct net net = {0};
    struct err e = {0};
    double start = clock_now();
    assert_int_equal(onnx_open(&bytes, "bomb", &net, &e), ERR_FORMAT);
    static const uint8_t claim[] = {0x08, 0x07, 0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x0a};
    bytes = (struct file_bytes){.data = claim, .len = sizeof claim};
    assert_int_equal(onnx_open(&bytes, "claim", &net, &e), ERR_FORMAT);
    assert_true(clock_now() - start < 1);
    free(bomb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graphs_that_are_refused),
        cmocka_unit_test(tensors_that_are_refused),
        cmocka_unit_test(bytes_that_are_no_message),
        cmocka_unit_test(claims_cost_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

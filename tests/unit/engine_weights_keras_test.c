// Keras models as people save them (a backbone inside another model, a head of their own,
// layers that the published network has not), against the logits that Keras gave:
// tests/data/keras.

#include "engine/weights/weights.h"

#include "tests/support/interp.h"
#include "tests/support/model_file.h"
#include "tests/support/synth.h"

#include "base/mem.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DATA XLENS_TEST_DATA "/keras/"

enum { CLASSES = MODEL_FILE_LOGITS, HEIGHT = 48, WIDTH = 40 };

// Logits without the constant that a softmax does not see.
static void centre(float x[CLASSES])
{
    float mean = (x[0] + x[1] + x[2]) / CLASSES;
    for (int i = 0; i < CLASSES; i++)
        x[i] -= mean;
}

static void check_file(const char *file, float want[CLASSES])
{
    static float chw[3 * HEIGHT * WIDTH];
    struct net net;
    struct err e = {0};
    float got[CLASSES];
    char *path = mem_printf("%s%s", DATA, file);
    if (weights_open(path, NULL, &net, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    bool nested = str_starts_with(file, "nested");
    assert_string_equal(net.arch, nested ? "keras_xception" : "other");
    assert_int_equal(net.nodes[net.count - 1].channels, CLASSES);
    synth_image("A", HEIGHT, WIDTH, chw);
    if (interp_run(&net, HEIGHT, WIDTH, chw, got, &e) != ERR_OK)
        fail_msg("%s: %s", file, e.msg);
    if (!nested) { // it ends with a softmax
        centre(got);
        centre(want);
    }
    for (int i = 0; i < CLASSES; i++)
        if (!(fabsf(got[i] - want[i]) <= 5e-6F))
            fail_msg("%s: logit %d is %.7g, expected %.7g", file, i, (double)got[i],
                     (double)want[i]);
    net_release(&net);
    free(path);
}

static void saved_models_give_keras_logits(void **state)
{
    (void)state;
    struct model_file_row rows[MODEL_FILE_ROWS];
    int nested = model_file_rows(DATA, "nested", rows);
    assert_int_equal(nested, 4);
    for (int i = 0; i < nested; i++)
        check_file(rows[i].file, rows[i].logits);
    assert_int_equal(model_file_rows(DATA, "odds", rows), 2);
    check_file(rows[0].file, rows[0].logits);
    check_file(rows[1].file, rows[1].logits);
}

static void the_declared_size_is_kept(void **state)
{
    (void)state;
    struct net net;
    assert_int_equal(weights_open(DATA "nested.keras", NULL, &net, NULL), ERR_OK);
    assert_true(net.height == HEIGHT && net.width == WIDTH);
    net_release(&net);
    assert_int_equal(weights_open(DATA "odds.h5", NULL, &net, NULL), ERR_OK);
    assert_true(net.height == 0 && net.width == 0);
    net_release(&net);
}

static void another_network_is_told_by_its_layers(void **state)
{
    (void)state;
    struct net net;
    struct err e = {0};
    assert_int_equal(weights_open(DATA "plain.keras", NULL, &net, &e), ERR_FORMAT);
    assert_non_null(strstr(e.msg,
                           "not an Xception: Functional \"plain\" has 4 layers, of "
                           "them 1 Conv2D, 0 SeparableConv2D and 0 Add"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saved_models_give_keras_logits),
        cmocka_unit_test(the_declared_size_is_kept),
        cmocka_unit_test(another_network_is_told_by_its_layers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

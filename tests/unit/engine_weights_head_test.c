// Classifiers in a file of their own: behind whole models, behind weights that were saved
// without one (by Keras and timm themselves, tests/data), and in what these convert to.

#include "engine/engine.h"
#include "engine/weights/weights.h"

#include "tests/support/model_file.h"
#include "tests/support/says.h"
#include "tests/support/synth.h"
#include "tests/support/tempdir.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <math.h>

#define TINY XLENS_TEST_DATA "/tiny/keras3_model.keras"
#define HEAD XLENS_TEST_DATA "/keras/head.safetensors"

enum { CLASSES = MODEL_FILE_LOGITS, HEIGHT = 48, WIDTH = 40 };

static struct tempdir dir;
static char target[TEMP_PATH];

static int make_dir(void **state)
{
    (void)state;
    dir = tempdir_make();
    (void)snprintf(target, sizeof target, "%s", tempdir_path(&dir, "model"));
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    tempdir_remove(&dir);
    return 0;
}

static void heads_must_fit(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data;
        const char *says;
    } heads[] = {
        {"{\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
         "\"fc.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,32]}}",
         32, "a head for 3 features, the model gives 48"},
        {"{\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[2,48],\"data_offsets\":[0,384]}}",
         384, "fc.bias"},
        {"{\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[2,48],\"data_offsets\":[0,384]},"
         "\"fc.bias\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[384,396]}}",
         396, "fc.bias"},
        {"{\"weight\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8,
         "fc.weight"},
        {"{\"__metadata__\":{\"xlens.input\":\"299\"},"
         "\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[2,48],\"data_offsets\":[0,384]},"
         "\"fc.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[384,392]}}",
         392, "xlens.input \"299\", expected 3,H,W"},
    };
    struct net net;
    struct err e = {0};
    struct weights_opts with_head = {.head = target};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        model_file_safetensors(target, heads[i].header, heads[i].data);
        assert_int_equal(weights_open(TINY, &with_head, &net, &e), ERR_FORMAT);
        if (!strstr(e.msg, heads[i].says) || !str_starts_with(e.msg, target))
            fail_msg("\"%s\" lacks \"%s\"", e.msg, heads[i].says);
    }
    with_head.head = TINY;
    assert_int_equal(weights_open(TINY, &with_head, &net, &e), ERR_FORMAT);
    assert_non_null(strstr(e.msg, "not a head"));
}

static void a_head_replaces_the_classifier(void **state)
{
    (void)state;
    struct net net;
    struct err e = {0};
    model_file_safetensors(
        target,
        "{\"__metadata__\":{\"xlens.input\":\"[3, 64, "
        "80]\",\"xlens.preprocess\":\"timm\","
        "\"xlens.labels\":\"imagenet-1k\"},"
        "\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[2,48],\"data_offsets\":[0,384]},"
        "\"fc.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[384,392]}}",
        392);
    if (weights_open(TINY, &(struct weights_opts){.head = target}, &net, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    assert_int_equal(net.nodes[net.count - 1].channels, 2);
    assert_int_equal(net.nodes[net.count - 2].op, NET_GAP);
    assert_true(net.height == 64 && net.width == 80);
    assert_string_equal(net.preset, "timm");
    assert_string_equal(net.labels, "imagenet-1k");
    net_release(&net);
}

// Rounding differs from the framework's in the order of sums; the logits are near 1.
static void check_logits(const char *path, const char *head, const float want[CLASSES])
{
    static float chw[3 * HEIGHT * WIDTH];
    struct eng_opts opts = {.head = head};
    struct eng_model *model = NULL;
    struct eng_session *session = NULL;
    struct err e = {0};
    float got[CLASSES];
    assert_int_equal(eng_isa_choose(NULL, &opts.isa, NULL), ERR_OK);
    if (eng_model_open(path, &opts, &model, &e) != ERR_OK ||
        eng_session_open(model, HEIGHT, WIDTH, 1, 1, &session, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    assert_int_equal(eng_model_info(model)->classes, CLASSES);
    assert_int_equal(eng_model_info(model)->features, 20);
    synth_image("A", HEIGHT, WIDTH, chw);
    eng_session_run(session, chw, 1, &(struct eng_output){.logits = got});
    for (int i = 0; i < CLASSES; i++)
        if (!(fabsf(got[i] - want[i]) <= 5e-6F))
            fail_msg("%s: logit %d is %.7g, expected %.7g", path, i, (double)got[i],
                     (double)want[i]);
    eng_session_close(session);
    eng_model_close(model);
}

static struct file_bytes converted(const char *path, const char *to)
{
    const struct eng_opts opts = {.head = HEAD};
    struct file_bytes bytes = {0};
    struct err e = {0};
    if (eng_convert(path, &opts, to, true, &e) != ERR_OK ||
        file_read(to, SIZE_MAX, &bytes, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    return bytes;
}

static void check_headless(const char *folder, const struct model_file_row *row)
{
    char *path = mem_printf("%s/%s", folder, row->file);
    struct net net;
    struct err e = {0};
    assert_int_equal(weights_open(path, NULL, &net, &e), ERR_FORMAT);
    assert_says(&e, "without a classifier, expected one or --head FILE");
    assert_true(str_starts_with(e.msg, path));
    check_logits(path, HEAD, row->logits);
    struct file_bytes a = converted(path, target);
    struct file_bytes b = converted(path, tempdir_path(&dir, "again"));
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    check_logits(target, NULL, row->logits);
    file_bytes_release(&a);
    file_bytes_release(&b);
    free(path);
}

static void weights_without_a_classifier_take_one(void **state)
{
    (void)state;
    struct model_file_row rows[MODEL_FILE_ROWS];
    int n = model_file_rows(XLENS_TEST_DATA "/keras", "notop", rows);
    assert_int_equal(n, 4);
    for (int i = 0; i < n; i++)
        check_headless(XLENS_TEST_DATA "/keras", &rows[i]);
    n = model_file_rows(XLENS_TEST_DATA "/timm", "notop", rows);
    assert_int_equal(n, 2);
    for (int i = 0; i < n; i++)
        check_headless(XLENS_TEST_DATA "/timm", &rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_must_fit),
        cmocka_unit_test(a_head_replaces_the_classifier),
        cmocka_unit_test(weights_without_a_classifier_take_one),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

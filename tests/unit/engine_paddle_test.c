// Paddle's inference models with damage planted in one place. What they give undamaged is
// the matter of engine_formats_test.

#include "engine/weights/paddle/paddle.h"
#include "engine/weights/weights.h"

#include "tests/support/reference.h"

#include "base/mem.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM XLENS_TEST_DATA "/paddle2/ppcls_xception_deeplab.pdmodel"

typedef enum err_code open_fn(const struct file_bytes *bytes, const char *path,
                              struct net *out, struct err *e);

static struct file_bytes load(const char *path)
{
    struct file_bytes bytes;
    struct err e = {0};
    if (file_read(path, 1 << 20, &bytes, &e))
        fail_msg("%s", e.msg);
    return bytes;
}

static void check_refused(open_fn *open, const struct file_bytes *bytes, const char *path,
                          const char *says)
{
    struct net net = {0};
    struct err e = {0};
    if (open(bytes, path, &net, &e) == ERR_OK)
        fail_msg("opened, expected \"%s\"", says);
    if (!strstr(e.msg, says))
        fail_msg("message \"%s\" does not say \"%s\"", e.msg, says);
    assert_int_equal(net.count, 0);
}

// A text of the file written over by one of the same length.
struct change {
    const char *from, *to, *says;
};

static void check_changes(open_fn *open, const char *path, const struct change *changes,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct file_bytes bytes = load(path);
        size_t len = strlen(changes[i].from);
        uint8_t *at =
            memmem((uint8_t *)(uintptr_t)bytes.data, bytes.len, changes[i].from, len);
        assert_non_null(at);
        memcpy(at, changes[i].to, len);
        check_refused(open, &bytes, path, changes[i].says);
        file_bytes_release(&bytes);
    }
}

static void check_cuts(open_fn *open, const char *path, const char *says)
{
    struct file_bytes bytes = load(path);
    for (size_t len = 16; len < bytes.len; len += 3001) {
        struct file_bytes cut = {.data = bytes.data, .len = len};
        check_refused(open, &cut, path, says);
    }
    file_bytes_release(&bytes);
}

static void programs_that_are_refused(void **state)
{
    (void)state;
    static const struct change changes[] = {
        {"\x1a\x04relu", "\x1a\x04gelu",
         "op gelu, which makes relu_0.tmp_0: this op is n"},
        {"\x1a\x05"
         "fetch",
         "\x1a\x05"
         "vetch",
         "op vetch"},
        {"conv2d_0.w_0", "conv2d_0.v_0",
         "(Conv): reads conv2d_0.w_0, which is no weight"},
        {"NCHW", "NHWC", "op conv2d, which makes conv2d_0.tmp_0: channels last"},
    };
    check_changes(paddle_program_open, PROGRAM, changes,
                  sizeof changes / sizeof changes[0]);
    check_cuts(paddle_program_open, PROGRAM, "damaged Paddle program");
    struct file_bytes bytes = load(PROGRAM);
    check_refused(paddle_program_open, &bytes, "/nowhere/m.pdmodel",
                  "/nowhere/m.pdiparams");
    file_bytes_release(&bytes);
}

static void pir_that_is_refused(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    static const struct change changes[] = {
        {"\"1.relu\"", "\"1.gelu\"", "op gelu, which makes %"},
        {"\"1.fetch\"", "\"1.vetch\"", "op vetch"},
        {"[-1,3,75,75]", "[-1,4,75,75]", "has 4 channels, expected 3"},
        {"\"regions\"", "\"legions\"", "PIR without ops"},
        {"\"#\":\"p\",\"A\":[0,1,1,\"", "\"#\":\"p\",\"B\":[0,1,1,\"",
         "parameter 0 is not described"},
        {"\"1.full_int_array\"", "\"1.gull_int_array\"", "op gull_int_array"},
    };
    char *path = reference_tiny_path("ppcls_xception_infer/inference.json");
    check_changes(paddle_pir_open, path, changes, sizeof changes / sizeof changes[0]);
    check_cuts(paddle_pir_open, path, "damaged JSON");
    enum { DEEP = 100000 };
    char *nested = mem_new(DEEP + 1);
    memset(nested, '[', DEEP);
    struct file_bytes bytes = {.data = (uint8_t *)nested, .len = DEEP};
    check_refused(paddle_pir_open, &bytes, path, "damaged JSON");
    free(nested);
    free(path);
}

static void put_file(const char *path, const void *data, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void weights_that_are_refused(void **state)
{
    (void)state;
    char folder[] = "/tmp/xlens-paddle-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *model = mem_printf("%s/m.pdmodel", folder);
    char *weights = mem_printf("%s/m.pdiparams", folder);
    struct file_bytes program = load(PROGRAM);
    struct file_bytes good =
        load(XLENS_TEST_DATA "/paddle2/ppcls_xception_deeplab.pdiparams");
    uint8_t *bad = mem_new(good.len + 1);
    static const struct {
        size_t at;
        uint8_t value;
        const char *says;
    } cases[] = {
        {0, 1, "no tensor at byte 0, expected batch_norm_0.b_0"},
        {4, 1, "no tensor at byte 0"},                           // a level of detail
        {18, 0xff, "no tensor at byte 0"},                       // a description of 16 MB
        {21, 1, "is of type 1, expected a float type or int64"}, // its type
        {23, 9, "batch_norm_0.b_0 is 9, expected 8 as in the program"}, // its extent
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memcpy(bad, good.data, good.len);
        bad[cases[i].at] = cases[i].value;
        put_file(weights, bad, good.len);
        check_refused(paddle_program_open, &program, model, cases[i].says);
    }
    for (size_t len = 0; len < good.len; len += 5003) {
        put_file(weights, good.data, len);
        check_refused(paddle_program_open, &program, model, "truncated at byte");
    }
    memcpy(bad, good.data, good.len);
    put_file(weights, bad, good.len + 1);
    check_refused(paddle_program_open, &program, model, "1 bytes behind the last of 242");
    assert_int_equal(unlink(weights), 0);
    assert_int_equal(rmdir(folder), 0);
    file_bytes_release(&program);
    file_bytes_release(&good);
    free(bad);
    free(model);
    free(weights);
}

// What caches know a model by covers the weights, which are in a file of their own.
static void weights_are_in_the_hash(void **state)
{
    (void)state;
    char folder[] = "/tmp/xlens-paddle-XXXXXX", hash[2][33];
    assert_non_null(mkdtemp(folder));
    char *model = mem_printf("%s/m.pdmodel", folder);
    char *weights = mem_printf("%s/m.pdiparams", folder);
    struct file_bytes program = load(PROGRAM);
    struct file_bytes params =
        load(XLENS_TEST_DATA "/paddle2/ppcls_xception_deeplab.pdiparams");
    put_file(model, program.data, program.len);
    for (int i = 0; i < 2; i++) {
        struct net net = {0};
        struct err e = {0};
        ((uint8_t *)(uintptr_t)params.data)[params.len - 4] ^= 1;
        put_file(weights, params.data, params.len);
        if (weights_open(model, NULL, &net, &e) ||
            weights_hash(model, &net, NULL, hash[i], &e))
            fail_msg("%s", e.msg);
        net_release(&net);
    }
    assert_string_not_equal(hash[0], hash[1]);
    assert_int_equal(unlink(weights), 0);
    assert_int_equal(unlink(model), 0);
    assert_int_equal(rmdir(folder), 0);
    file_bytes_release(&program);
    file_bytes_release(&params);
    free(model);
    free(weights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_that_are_refused),
        cmocka_unit_test(pir_that_is_refused),
        cmocka_unit_test(weights_that_are_refused),
        cmocka_unit_test(weights_are_in_the_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

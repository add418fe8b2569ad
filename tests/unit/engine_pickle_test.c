#include "engine/weights/pickle/paddle_params.h"
#include "engine/weights/pickle/pickle.h"
#include "engine/weights/pickle/torch.h"

#include "tests/support/reference.h"
#include "tests/support/says.h"

#include "base/mem.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static bool allow_dicts(const char *name)
{
    return strcmp(name, "collections.OrderedDict") == 0 || strcmp(name, "toy.call") == 0;
}

static enum err_code read_bytes(struct pickle *p, const char *bytes, size_t len,
                                struct err *e)
{
    return pickle_read(p, (const uint8_t *)bytes, len, allow_dicts, "p", e);
}

// A pickle written as a string literal, zeros included.
#define READ(p, literal, e) read_bytes(p, literal, sizeof(literal) - 1, e)

static void values_are_read(void **state)
{
    (void)state;
    struct pickle p;
    struct err e = {0};
    // {'a': (1, -2, 300, -1, 2.5, True, None), 'b': [b'xy', 'ü']}
    if (READ(&p,
             "\x80\x04\x95\0\0\0\0\0\0\0\0}\x94(\x8c\x01"
             "a(K\x01J\xfe\xff\xff\xffM\x2c\x01\x8a\x01\xffG\x40\x04\0\0\0\0\0\0\x88Nt"
             "X\x01\0\0\0b](C\x02xy\x8c\x02\xc3\xbc"
             "eu.",
             &e))
        fail_msg("%s", e.msg);
    const struct pickle_value *root = &p.values[p.root];
    const struct pickle_value *a = pickle_get(&p, root, "a");
    const struct pickle_value *b = pickle_get(&p, root, "b");
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(a->kind, PICKLE_TUPLE);
    static const int64_t numbers[] = {1, -2, 300, -1};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pickle_item(&p, a, i)->integer, numbers[i]);
    assert_true(pickle_item(&p, a, 4)->real == 2.5);
    assert_int_equal(pickle_item(&p, a, 5)->kind, PICKLE_BOOL);
    assert_int_equal(pickle_item(&p, a, 6)->kind, PICKLE_NONE);
    assert_int_equal(pickle_item(&p, a, 7)->kind, PICKLE_NONE); // beyond the end
    assert_int_equal(b->count, 2);
    assert_true(pickle_is(pickle_item(&p, b, 0), "xy"));
    assert_true(pickle_is(pickle_item(&p, b, 1), "\xc3\xbc"));
    pickle_release(&p);
}

static void calls_stay_data(void **state)
{
    (void)state;
    struct pickle p;
    struct err e = {0};
    // toy.call(7) with the state {}, memoized and used twice
    assert_int_equal(READ(&p,
                          "\x80\x02"
                          "ctoy\ncall\nK\x07\x85R}bq\x05h\x05\x86.",
                          &e),
                     ERR_OK);
    const struct pickle_value *root = &p.values[p.root];
    const struct pickle_value *call = pickle_item(&p, root, 0);
    assert_ptr_equal(call, pickle_item(&p, root, 1));
    assert_true(pickle_calls(&p, call, "toy.call", 1));
    assert_false(pickle_calls(&p, call, "toy.call", 2));
    assert_int_equal(pickle_arg(&p, call, 0)->integer, 7);
    assert_int_equal(pickle_item(&p, call, 2)->kind, PICKLE_DICT);
    pickle_release(&p);
    // a list that holds itself
    assert_int_equal(READ(&p,
                          "\x80\x02]q\x01h\x01"
                          "a.",
                          &e),
                     ERR_OK);
    root = &p.values[p.root];
    assert_ptr_equal(pickle_item(&p, root, 0), root);
    pickle_release(&p);
}

static const struct damage {
    const char *bytes;
    size_t len;
    enum err_code code;
    const char *says;
} damages[] = {
#define D(bytes, code, says)                                                             \
    {                                                                                    \
        bytes, sizeof(bytes) - 1, code, says                                             \
    }
    D("\x80\x02"
      "cos\nsystem\nX\x02\0\0\0ls\x85R.",
      ERR_UNSUPPORTED, "asks for os.system, which is refused"),
    D("\x80\x04\x8c\x08"
      "builtins\x8c\x04"
      "eval\x93.",
      ERR_UNSUPPORTED, "asks for builtins.eval, which is refused"),
    D("\x80\x02(ios\nsystem\n.", ERR_UNSUPPORTED, "opcode INST is refused"),
    D("\x80\x04\x92.", ERR_UNSUPPORTED, "opcode NEWOBJ_EX is refused"),
    D("\x80\x04\x8f.", ERR_UNSUPPORTED, "opcode EMPTY_SET is refused"),
    D("\x80\x02\x82\x01.", ERR_UNSUPPORTED, "opcode EXT1 is refused"),
    D("\x80\x01.", ERR_UNSUPPORTED, "protocol 1, expected 2 to 5"),
    D("\x80\x06.", ERR_UNSUPPORTED, "protocol 6, expected 2 to 5"),
    D("\x80\x02\xff", ERR_FORMAT, "0xff is no opcode"),
    D("", ERR_FORMAT, "1 bytes announced, 0 are left"),
    D("\x80\x02K\x01", ERR_FORMAT, "1 bytes announced, 0 are left"),
    D("\x80\x02X\xff\xff\xff\x7f"
      "ab",
      ERR_FORMAT, "2147483647 bytes announced, 2 are left"),
    D("\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", ERR_FORMAT, "bytes announced"),
    D("\x80\x02\x8b\xff\xff\xff\xff.", ERR_FORMAT, "bytes announced"),
    D("\x80\x02h\x03.", ERR_FORMAT, "memo 3 was never set"),
    D("\x80\x02}r\xff\xff\xff\xff.", ERR_LIMIT, "memo 4294967295"),
    D("\x80\x02q\x01.", ERR_FORMAT, "nothing to memoize"),
    D("\x80\x02.", ERR_FORMAT, "the stack is empty"),
    D("\x80\x02K\x01\x87.", ERR_FORMAT, "the stack is empty"),
    D("\x80\x02K\x01(\x85.", ERR_FORMAT, "the stack is empty"),
    D("\x80\x02t.", ERR_FORMAT, "no mark on the stack"),
    D("\x80\x02}(K\x01u.", ERR_FORMAT, "a key without a value"),
    D("\x80\x02K\x01(K\x01K\x02u.", ERR_FORMAT, "no dict to add to"),
    D("\x80\x02K\x01K\x02"
      "a.",
      ERR_FORMAT, "no list to add to"),
    D("\x80\x02K\x01)R.", ERR_FORMAT, "a call of what is no name"),
    D("\x80\x02K\x01}b.", ERR_FORMAT, "a state for what is no object"),
    D("\x80\x02"
      "ctoy",
      ERR_FORMAT, "a line without end"),
    D("\x80\x04K\x01K\x02\x93.", ERR_FORMAT, "a global whose name is not text"),
#undef D
};

static void damage_is_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct pickle p;
        struct err e = {0};
        enum err_code rc = read_bytes(&p, damages[i].bytes, damages[i].len, &e);
        if (rc != damages[i].code)
            fail_msg("case %zu: code %d: %s", i, (int)rc, e.msg);
        assert_says(&e, damages[i].says);
        assert_null(p.values);
    }
}

// ---- state dicts: a real file with one place of it changed ----

static struct file_bytes load_tiny(const char *file)
{
    char *path = reference_tiny_path(file);
    struct file_bytes bytes;
    struct err e = {0};
    if (file_read(path, 1 << 20, &bytes, &e))
        fail_msg("%s", e.msg);
    free(path);
    return bytes;
}

// The first place of a text in the file, to be written over.
static uint8_t *find(struct file_bytes *bytes, const char *text, size_t len)
{
    uint8_t *at = memmem((uint8_t *)(uintptr_t)bytes->data, bytes->len, text, len);
    assert_non_null(at);
    return at;
}

typedef enum err_code read_fn(struct file_bytes *bytes, const char *path, struct bag *out,
                              struct err *e);

static void check_refused(read_fn *read, struct file_bytes bytes, const char *says)
{
    struct bag bag = {0};
    struct err e = {0};
    if (read(&bytes, "t", &bag, &e) == ERR_OK)
        fail_msg("read, expected \"%s\"", says);
    assert_says(&e, says);
    bag_release(&bag);
}

static void torch_damage_is_an_error(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    static const struct {
        const char *from, *to; // of one length
        size_t len;
        const char *says;
    } cases[] = {
        {"torch\nFloatStorage", "torch\nDoomsStorage", 18, "storage of type torch.Dooms"},
        {"torch._utils\n_reb", "torch._utilz\n_reb", 17,
         "torch._utilz._rebuild_tensor_v2"},
        // 864 elements of the first storage
        {"M\x60\x03", "M\x61\x03", 3, "storage of 864 elements, expected 865"},
        // its size 32x3x3x3 and its strides
        {"K\x20K\x03K\x03K\x03", "K\xffK\x03K\x03K\x03", 8,
         "reaches beyond its 864 elem"},
        {"K\x1bK\x09K\x03K\x01", "K\xffK\x09K\x03K\x01", 8,
         "reaches beyond its 864 elem"},
        {"K\x1bK\x09K\x03K\x01", "K\x1bK\x09N]K\x01.", 8, "not described as torch does"},
        {"little_endian", "little_endiam", 13, "not little-endian"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct file_bytes bytes = load_tiny("timm_micro.legacy.pth");
        memcpy(find(&bytes, cases[i].from, cases[i].len), cases[i].to, cases[i].len);
        check_refused(torch_legacy_read, bytes, cases[i].says);
    }
    for (size_t len = 15; len < 119587; len += 3001) {
        struct file_bytes bytes = load_tiny("timm_micro.legacy.pth");
        bytes.len = len;
        check_refused(torch_legacy_read, bytes,
                      len < 23283 ? "pickle, byte" : "truncated");
    }
}

static void paddle_damage_is_an_error(void **state)
{
    (void)state;
    if (!reference_present())
        skip();
    static const char file[] = "ppcls_xception_deeplab.proto2.pdparams";
    struct file_bytes bytes = load_tiny(file);
    memcpy(find(&bytes, "X\x02\0\0\0f4", 7), "X\x02\0\0\0c8", 7);
    check_refused(paddle_params_read, bytes, "of a type that is not read");

    bytes = load_tiny(file);
    memcpy(find(&bytes, "X\x01\0\0\0<", 6), "X\x01\0\0\0>", 6);
    check_refused(paddle_params_read, bytes, "of a type that is not read");

    bytes = load_tiny(file);
    memcpy(find(&bytes, "K\x08K\x03K\x03K\x03", 8), "K\x09K\x03K\x03K\x03", 8);
    check_refused(paddle_params_read, bytes, "has 864 bytes, its shape asks for 972");

    bytes = load_tiny(file);
    memcpy(find(&bytes, "numpy\nndarray", 13), "posix\nexecve1", 13);
    check_refused(paddle_params_read, bytes, "asks for posix.execve1");

    for (size_t len = 3; len < 206567; len += 5003) {
        bytes = load_tiny(file);
        bytes.len = len;
        check_refused(paddle_params_read, bytes, "pickle, byte");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(calls_stay_data),
        cmocka_unit_test(damage_is_an_error),
        cmocka_unit_test(torch_damage_is_an_error),
        cmocka_unit_test(paddle_damage_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

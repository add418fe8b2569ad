#include "archive/archive.h"
#include "archive/npy.h"

#include "base/file.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATA(name) XLENS_TEST_DATA "/npz/" name

enum { MAX = 1 << 20 };

static char dir[] = "/tmp/xlens-npz-XXXXXX";

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    static const char *const names[] = {"out.npz", "cut.npz", "kept.npz"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = mem_printf("%s/%s", dir, names[i]);
        (void)unlink(path);
        free(path);
    }
    return rmdir(dir); // fails when a temporary was left behind
}

static void read_ok(const char *path, const char *key, struct arc_array *out)
{
    struct err e = {0};
    if (arc_npz_read(path, key, MAX, out, &e) != ERR_OK)
        fail_msg("%s", e.msg);
}

// tests/data/npz was written by NumPy 1.24: arange(24).reshape(2, 3, 4), scaled.
static void numpy_types_are_read(void **state)
{
    (void)state;
    static const char *const keys[] = {"u1", "i4", "i8", "f2", "f4", "f8", "fortran"};
    static const enum arc_dtype dtypes[] = {ARC_U1, ARC_I4, ARC_I8, ARC_F2,
                                            ARC_F4, ARC_F8, ARC_F4};
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        struct arc_array a;
        read_ok(DATA("types.npz"), keys[k], &a);
        assert_int_equal(a.dtype, dtypes[k]);
        assert_int_equal(a.ndim, 3);
        assert_true(a.shape[0] == 2 && a.shape[1] == 3 && a.shape[2] == 4);
        assert_int_equal(a.bytes, 24 * arc_dtype_size(a.dtype));
        for (int i = 0; i < 24; i++) {
            if (a.dtype == ARC_U1)
                assert_int_equal(((uint8_t *)a.data)[i], i);
            if (a.dtype == ARC_I4)
                assert_int_equal(((int32_t *)a.data)[i], i - 5);
            if (a.dtype == ARC_I8)
                assert_true(((int64_t *)a.data)[i] == i * (INT64_C(1) << 33));
            if (a.dtype == ARC_F4)
                assert_true(((float *)a.data)[i] == (float)i / (k == 6 ? 1 : 8));
            if (a.dtype == ARC_F8)
                assert_true(((double *)a.data)[i] == i / 16.0);
        }
        if (a.dtype == ARC_F2)
            assert_int_equal(((uint16_t *)a.data)[4], 0x3c00); // 1.0
        arc_array_release(&a);
    }
}

static void scalars_empties_and_newer_headers_are_read(void **state)
{
    (void)state;
    struct arc_array a;
    read_ok(DATA("types.npz"), "scalar", &a);
    assert_int_equal(a.ndim, 0);
    assert_true(*(float *)a.data == 7.5F);
    arc_array_release(&a);
    read_ok(DATA("types.npz"), "empty", &a);
    assert_true(a.bytes == 0 && a.shape[0] == 0 && a.shape[1] == 3);
    arc_array_release(&a);
    read_ok(DATA("versions.npz"), "v2", &a);
    assert_true(((float *)a.data)[23] == 23);
    arc_array_release(&a);
    read_ok(DATA("versions.npz"), "v3", &a);
    assert_true(((float *)a.data)[23] == 23);
    arc_array_release(&a);
    read_ok(DATA("compressed.npz"), "input_0", &a);
    assert_int_equal(((uint8_t *)a.data)[1199], 1199 % 256);
    arc_array_release(&a);
}

static void refuse(const char *path, const char *key, size_t max, enum err_code code,
                   const char *says)
{
    struct arc_array a;
    struct err e = {0};
    assert_int_equal(arc_npz_read(path, key, max, &a, &e), code);
    if (!strstr(e.msg, says) || strncmp(e.msg, path, strlen(path)) != 0)
        fail_msg("\"%s\" lacks \"%s\" or the path", e.msg, says);
}

static void what_cannot_be_used_is_named(void **state)
{
    (void)state;
    refuse(DATA("refused.npz"), "big", MAX, ERR_UNSUPPORTED, "big-endian");
    refuse(DATA("refused.npz"), "complex", MAX, ERR_UNSUPPORTED, "type <c8");
    refuse(DATA("refused.npz"), "text", MAX, ERR_UNSUPPORTED, "type <U2");
    refuse(DATA("refused.npz"), "u2", MAX, ERR_UNSUPPORTED, "type <u2");
    refuse(DATA("refused.npz"), "record", MAX, ERR_FORMAT, "header is damaged");
    refuse(DATA("types.npz"), "nope", MAX, ERR_FORMAT,
           "no array \"nope\"; it has u1, i4");
    refuse(DATA("types.npz"), "f8", 191, ERR_LIMIT, "192 bytes, expected at most 191");
    refuse(DATA("absent.npz"), "f8", MAX, ERR_MISSING, "No such file");
    refuse(XLENS_TEST_DATA, "f8", MAX, ERR_FORMAT, "not a regular file");
    refuse(XLENS_TEST_DATA "/../CMakeLists.txt", "f8", MAX, ERR_FORMAT, "zip archive");
}

static void cut_files_are_errors_at_every_length(void **state)
{
    (void)state;
    struct file_bytes whole;
    char *path = mem_printf("%s/cut.npz", dir);
    assert_int_equal(file_read(DATA("types.npz"), MAX, &whole, NULL), ERR_OK);
    for (size_t n = 0; n < whole.len; n += 7) {
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(whole.data, 1, n, f), n);
        assert_int_equal(fclose(f), 0);
        struct arc_array a;
        struct err e = {0};
        assert_int_not_equal(arc_npz_read(path, "f8", MAX, &a, &e), ERR_OK);
        assert_true(e.msg[0] != '\0');
    }
    file_bytes_release(&whole);
    free(path);
}

static enum err_code parse(const char *dict, struct npy_header *header, struct err *e)
{
    uint8_t bytes[512] = "\x93NUMPY\x01";
    size_t n = strlen(dict);
    bytes[8] = (uint8_t)n;
    bytes[9] = (uint8_t)(n >> 8);
    memcpy(bytes + 10, dict, n + 1);
    return npy_parse(bytes, 10 + n, "f", header, e);
}

static void bad_headers_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{",
        "{}",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,2}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}",
        "{'descr': '', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4 and a long tail', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
    };
    struct npy_header header;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (parse(bad[i], &header, NULL) == ERR_OK)
            fail_msg("accepted %s", bad[i]);
    assert_int_equal(
        parse("{\"shape\": ( 3L , 2L ),'descr':\"<i4\",'fortran_order':True}  \n",
              &header, NULL),
        ERR_OK);
    assert_true(header.fortran && header.array.bytes == 24);
    uint8_t past[16] = "\x93NUMPY\x01\x00\xff\x7f";
    assert_int_equal(npy_parse(past, sizeof past, "f", &header, NULL), ERR_FORMAT);
}

static const char *const words[] = {"tench", "gr\xc3\xbc\xc3\x9f", "\xf0\x9f\x90\x9f",
                                    "bad\xff", ""};

static void write_sample(const char *path)
{
    float f4[6] = {0, 1.5F, -2, 3, 4, 5};
    uint8_t u1[6] = {0, 255, 2, 3, 4, 5};
    double scalar = 2.25;
    struct arc_array a = {ARC_F4, 2, {2, 3}, f4, sizeof f4};
    struct arc_array b = {ARC_U1, 3, {3, 1, 2}, u1, sizeof u1};
    struct arc_array c = {ARC_F8, 0, {0}, &scalar, sizeof scalar};
    struct arc_array none = {ARC_I8, 2, {0, 4}, NULL, 0};
    struct npz_writer *npz;
    assert_int_equal(arc_npz_create(path, true, &npz, NULL), ERR_OK);
    assert_int_equal(arc_npz_put(npz, "logits", &a, NULL), ERR_OK);
    assert_int_equal(arc_npz_put(npz, "input_0", &b, NULL), ERR_OK);
    assert_int_equal(arc_npz_put(npz, "scalar", &c, NULL), ERR_OK);
    assert_int_equal(arc_npz_put(npz, "none", &none, NULL), ERR_OK);
    assert_int_equal(arc_npz_put_strings(npz, "words", words, 5, NULL), ERR_OK);
    assert_int_equal(arc_npz_put_strings(npz, "nothing", words, 0, NULL), ERR_OK);
    assert_int_equal(arc_npz_commit(npz, NULL), ERR_OK);
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    char *path = mem_printf("%s/out.npz", dir);
    write_sample(path);
    struct arc_array a;
    read_ok(path, "logits", &a);
    assert_true(a.ndim == 2 && a.shape[1] == 3 && ((float *)a.data)[2] == -2);
    arc_array_release(&a);
    read_ok(path, "none", &a);
    assert_true(a.ndim == 2 && a.bytes == 0);
    arc_array_release(&a);
    refuse(path, "words", MAX, ERR_UNSUPPORTED, "type <U5");
    free(path);
}

static void numpy_opens_what_is_written(void **state)
{
    (void)state;
    static const char script[] =
        "import sys\n"
        "try: import numpy as np\n"
        "except ImportError: sys.exit(77)\n"
        "import zipfile\n"
        "assert zipfile.ZipFile(sys.argv[1]).testzip() is None\n"
        "z = np.load(sys.argv[1])\n"
        "assert z.files == ['logits','input_0','scalar','none','words','nothing']\n"
        "assert z['logits'].dtype == np.float32\n"
        "assert z['logits'].tolist() == [[0,1.5,-2],[3,4,5]]\n"
        "assert z['input_0'].shape == (3,1,2) and z['input_0'][0,0,1] == 255\n"
        "assert z['scalar'] == 2.25 and z['none'].shape == (0,4)\n"
        "assert z['words'].tolist() == "
        "['tench','gr\\u00fc\\u00df','\\U0001f41f','bad\\ufffd','']\n"
        "assert z['nothing'].shape == (0,)\n";
    char *path = mem_printf("%s/out.npz", dir);
    char *command = mem_printf("/usr/bin/python3 - %s", path);
    write_sample(path);
    FILE *python = access("/usr/bin/python3", X_OK) == 0 ? popen(command, "w") : NULL;
    int status = 77 << 8;
    if (python) {
        (void)fputs(script, python);
        status = pclose(python);
    }
    free(command);
    free(path);
    if (status == 77 << 8) {
        print_message("SKIPPED: no NumPy for /usr/bin/python3\n");
        skip();
    }
    assert_int_equal(status, 0);
}

static void files_are_replaced_only_by_force_and_at_once(void **state)
{
    (void)state;
    char *path = mem_printf("%s/kept.npz", dir);
    struct npz_writer *npz;
    struct err e = {0};
    write_sample(path);
    assert_int_equal(arc_npz_create(path, false, &npz, &e), ERR_EXISTS);
    assert_int_equal(arc_npz_create(path, true, &npz, &e), ERR_OK);
    assert_int_equal(arc_npz_put_strings(npz, "x", words, 2, &e), ERR_OK);
    arc_npz_discard(npz);
    struct arc_array a;
    read_ok(path, "logits", &a); // still the first one
    arc_array_release(&a);
    free(path);
    assert_int_equal(arc_npz_create("/nowhere/x.npz", false, &npz, &e), ERR_MISSING);
}

static void equal_arrays_give_equal_bytes(void **state)
{
    (void)state;
    char *one = mem_printf("%s/out.npz", dir), *two = mem_printf("%s/kept.npz", dir);
    struct file_bytes a, b;
    write_sample(one);
    write_sample(two);
    assert_int_equal(file_read(one, MAX, &a, NULL), ERR_OK);
    assert_int_equal(file_read(two, MAX, &b, NULL), ERR_OK);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    file_bytes_release(&a);
    file_bytes_release(&b);
    free(one);
    free(two);
}

static void files_of_a_set_are_whole_and_for_whom_the_umask_says(void **state)
{
    (void)state;
    char *path = mem_printf("%s/one.npz", dir);
    uint8_t bytes[] = {7, 8, 9};
    const struct arc_array a = {ARC_U1, 1, {3}, bytes, sizeof bytes};
    struct arc_array got;
    struct stat st;
    mode_t mask = umask(027);
    for (int i = 0; i < 2; i++)
        assert_int_equal(arc_npz_write(path, "x", &a, NULL), ERR_OK);
    umask(mask);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    read_ok(path, "x", &got);
    assert_memory_equal(got.data, bytes, sizeof bytes);
    arc_array_release(&got);
    assert_int_equal(arc_npz_write("/nowhere/x.npz", "x", &a, NULL), ERR_MISSING);
    free(path);
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0)
        skip();
    // /dev/full cannot be a rename target, so only the stream is pointed at it.
    char *path = mem_printf("%s/kept.npz", dir);
    struct npz_writer *npz;
    struct err e = {0};
    static uint8_t big[1 << 16];
    struct arc_array a = {ARC_U1, 1, {sizeof big}, big, sizeof big};
    assert_int_equal(arc_npz_create(path, true, &npz, &e), ERR_OK);
    struct file_out *out = (struct file_out *)(void *)npz; // its first member
    assert_non_null(freopen("/dev/full", "wb", out->stream));
    enum err_code rc = arc_npz_put(npz, "x", &a, &e);
    if (rc == ERR_OK)
        rc = arc_npz_commit(npz, &e);
    else
        arc_npz_discard(npz);
    assert_int_equal(rc, ERR_NO_SPACE);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numpy_types_are_read),
        cmocka_unit_test(scalars_empties_and_newer_headers_are_read),
        cmocka_unit_test(what_cannot_be_used_is_named),
        cmocka_unit_test(cut_files_are_errors_at_every_length),
        cmocka_unit_test(bad_headers_are_refused),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(numpy_opens_what_is_written),
        cmocka_unit_test(files_are_replaced_only_by_force_and_at_once),
        cmocka_unit_test(equal_arrays_give_equal_bytes),
        cmocka_unit_test(files_of_a_set_are_whole_and_for_whom_the_umask_says),
        cmocka_unit_test(a_full_disk_is_told),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

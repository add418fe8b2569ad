#include "dataset/dataset.h"

#include "base/file.h"
#include "base/mem.h"

#include "tests/support/tempdir.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct tempdir dir;

static struct ds *opened(const char *path, const struct ds_opts *opts)
{
    struct ds *ds = NULL;
    struct err e = {0};
    if (ds_open(path, opts, &ds, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    return ds;
}

static struct ds *read_csv(const char *text, const struct ds_opts *opts)
{
    return opened(tempdir_write(&dir, "set.csv", text), opts);
}

static void refused(const char *name, const char *text, const struct ds_opts *opts,
                    const char *message)
{
    struct ds *ds;
    struct err e = {0};
    enum err_code rc = ds_open(tempdir_write(&dir, name, text), opts, &ds, &e);
    assert_true(rc == ERR_FORMAT || rc == ERR_MISSING);
    if (!strstr(e.msg, message))
        fail_msg("\"%s\" lacks \"%s\"", e.msg, message);
}

static void assert_item(const struct ds *ds, size_t i, const char *name, int label)
{
    assert_true(i < ds_count(ds));
    assert_string_equal(ds_item(ds, i)->name, name);
    assert_int_equal(ds_item(ds, i)->label, label);
}

static void csv_rows(void **state)
{
    (void)state;
    struct ds *ds = read_csv("\xEF\xBB\xBFnumber,label,File\r\n"
                             "1,7,\"a, \"\"b\"\".jpg\"\r\n"
                             "2,n01440764,sub/b.jpg\r\n"
                             "3,,/abs/c.jpg\r\n"
                             "4,great_white_shark,d.jpg\r\n"
                             "\r\n"
                             "6, 999 ,e.jpg,,",
                             NULL);
    assert_int_equal(ds_shape(ds), DS_CSV);
    assert_int_equal(ds_count(ds), 5);
    assert_int_equal(ds_labelled(ds), 4);
    assert_item(ds, 0, "a, \"b\".jpg", 7);
    assert_item(ds, 1, "sub/b.jpg", 0);
    assert_item(ds, 2, "/abs/c.jpg", -1);
    assert_item(ds, 3, "d.jpg", 2);
    assert_item(ds, 4, "e.jpg", 999);
    assert_null(ds_own_labels(ds));
    char *relative = ds_path(ds, 1), *absolute = ds_path(ds, 2);
    assert_string_equal(relative, tempdir_path(&dir, "sub/b.jpg"));
    assert_string_equal(absolute, "/abs/c.jpg");
    free(relative);
    free(absolute);
    assert_string_equal(ds_root(ds), tempdir_path(&dir, "set.csv"));
    ds_close(ds);
}

static void csv_with_names_of_its_own(void **state)
{
    (void)state;
    const char *const text = "file,label\n1.jpg,spoon\n2.jpg,cup\n3.jpg,spoon\n4.jpg,\n"
                             "5.jpg,fork\n";
    struct ds *ds = read_csv(text, NULL);
    assert_int_equal(labels_count(ds_own_labels(ds)), 3);
    assert_string_equal(labels_words(ds_own_labels(ds), 1), "fork");
    assert_item(ds, 0, "1.jpg", 2);
    assert_item(ds, 1, "2.jpg", 0);
    assert_item(ds, 2, "3.jpg", 2);
    assert_item(ds, 3, "4.jpg", -1);
    ds_close(ds);
    const char *const names[] = {"cup", "fork", "glass", "knife", "plate", "spoon"};
    struct labels *labels = labels_new(names, NULL, 6);
    const struct ds_opts opts = {.labels = labels};
    ds = read_csv(text, &opts);
    assert_null(ds_own_labels(ds));
    assert_item(ds, 0, "1.jpg", 5);
    assert_item(ds, 4, "5.jpg", 1);
    ds_close(ds);
    refused("set.csv", "file,label\n1.jpg,cup\n2.jpg,tub\n", &opts,
            ":3: \"tub\" is no class");
    refused("set.csv", "file,label\n1.jpg,6\n", &opts, ":2: class 6, expected 0 to 5");
    labels_close(labels);
}

static void csv_without_labels(void **state)
{
    (void)state;
    struct ds *ds = read_csv("file\na.jpg\nb.jpg\n", NULL);
    assert_int_equal(ds_count(ds), 2);
    assert_int_equal(ds_labelled(ds), 0);
    ds_close(ds);
}

static void bad_csv(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"Id,label\n1,cup\n", "no column \"file\" among 2 (\"Id\""},
        {"", "no column \"file\""},
        {"file,label\n", "no pictures in it"},
        {"file,label\na.jpg,1\n,2\n", ":3: no file in column 1"},
        {"label,file\n1\n", ":2: no file in column 2"},
        {"file,label\na.jpg,1000\n", ":2: class 1000, expected 0 to 999"},
        {"file,label\na.jpg,n00000000\n", ":2: WordNet id n00000000"},
        {"file,label\n\"x\ny\",1\na.jpg,1\na.jpg,1\n", ":5: a.jpg is listed on line 4"},
        {"file,label\n\"a.jpg,1\n", ":2: quotes do not match in column 1"},
        {"file,label\n\"a\"b.jpg,1\n", ":2: quotes do not match"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refused("set.csv", cases[i][0], NULL, cases[i][1]);
    const struct ds_opts imagenet = {.labels = labels_imagenet()};
    refused("set.csv", "file,label\na.jpg,crane\n", &imagenet,
            ":2: \"crane\" names several");
}

static void datalist(void **state)
{
    (void)state;
    struct ds *ds = opened(
        tempdir_write(&dir, "list.txt", "/abs/a b.jpg 3\r\n\n  c 12.jpg\nd.npz\t0\n42\n"),
        NULL);
    assert_int_equal(ds_shape(ds), DS_DATALIST);
    assert_int_equal(ds_count(ds), 4);
    assert_int_equal(ds_labelled(ds), 2);
    assert_item(ds, 0, "/abs/a b.jpg", 3);
    assert_item(ds, 1, "c 12.jpg", -1);
    assert_item(ds, 2, "d.npz", 0);
    assert_item(ds, 3, "42", -1);
    ds_close(ds);
    refused("list.txt", "a.jpg 1000\n", NULL, ":1: class 1000");
    refused("list.txt", "a.jpg 1\nb.jpg 2\na.jpg 1\n", NULL,
            ":3: a.jpg is listed on line 1");
    refused("list.txt", "\n\n", NULL, "no pictures in it");
}

static void binary_is_no_datalist(void **state)
{
    (void)state;
    struct ds *ds;
    struct err e = {0};
    const char *path = tempdir_write_n(&dir, "model.bin", "ab\0c", 4);
    assert_int_equal(ds_open(path, NULL, &ds, &e), ERR_FORMAT);
    assert_non_null(strstr(e.msg, "expected a text file"));
}

static void single_files(void **state)
{
    (void)state;
    struct ds *one = opened(tempdir_write(&dir, "x.JPG", ""), NULL);
    assert_int_equal(ds_shape(one), DS_FILES);
    assert_int_equal(ds_count(one), 1);
    char *path = ds_path(one, 0);
    assert_string_equal(path, tempdir_path(&dir, "x.JPG"));
    free(path);
    ds_close(one);
    char first[] = "b.jpg", second[] = "/a.jpg", *paths[] = {first, second};
    struct ds *ds = ds_open_files(paths, 2);
    assert_item(ds, 0, "b.jpg", -1);
    assert_item(ds, 1, "/a.jpg", -1);
    char *here = file_absolute("b.jpg");
    path = ds_path(ds, 0);
    assert_string_equal(path, here);
    free(path);
    free(here);
    ds_close(ds);
    ds_close(NULL);
}

// Names longer than a block of the set's storage are kept whole.
static void long_names(void **state)
{
    (void)state;
    size_t n = (size_t)3 << 20;
    char *text = mem_array(n + 8, 1);
    memset(text, 'x', n);
    memcpy(text + n, " 5\nb 6\n", 8);
    struct ds *ds = opened(tempdir_write(&dir, "long.txt", text), NULL);
    assert_int_equal(ds_count(ds), 2);
    assert_int_equal(strlen(ds_item(ds, 0)->name), n);
    assert_item(ds, 1, "b", 6);
    ds_close(ds);
    free(text);
}

static int set_up(void **state)
{
    (void)state;
    dir = tempdir_make();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tempdir_remove(&dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_rows),           cmocka_unit_test(csv_with_names_of_its_own),
        cmocka_unit_test(csv_without_labels), cmocka_unit_test(bad_csv),
        cmocka_unit_test(datalist),           cmocka_unit_test(binary_is_no_datalist),
        cmocka_unit_test(single_files),       cmocka_unit_test(long_names),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

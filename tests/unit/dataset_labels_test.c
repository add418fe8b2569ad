#include "dataset/labels.h"

#include "base/file.h"

#include "tests/support/tempdir.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

static struct tempdir dir;

static struct labels *opened(const char *path)
{
    struct labels *labels = NULL;
    struct err e = {0};
    if (labels_open(path, &labels, &e) != ERR_OK)
        fail_msg("%s", e.msg);
    return labels;
}

static struct labels *read_text(const char *text)
{
    return opened(tempdir_write(&dir, "labels.txt", text));
}

static void refused(const char *text, const char *message)
{
    struct labels *labels = NULL;
    struct err e = {0};
    const char *path = tempdir_write(&dir, "labels.txt", text);
    assert_int_equal(labels_open(path, &labels, &e), ERR_FORMAT);
    if (!strstr(e.msg, message))
        fail_msg("\"%s\" lacks \"%s\"", e.msg, message);
    assert_non_null(strstr(e.msg, path));
}

static void built_in_classes(void **state)
{
    (void)state;
    char name[64];
    const struct labels *labels = labels_imagenet();
    assert_int_equal(labels_count(labels), 1000);
    assert_string_equal(labels_words(labels, 0), "tench, Tinca tinca");
    assert_string_equal(labels_short(labels, 2, name, sizeof name), "great white shark");
    assert_string_equal(labels_short(labels, 2, name, 6), "great");
    assert_string_equal(labels_wnid(labels, 999), "n15075141");
    assert_int_equal(labels_find_wnid(labels, "n01440764"), 0);
    assert_int_equal(labels_find_wnid(labels, "n15075141"), 999);
    assert_int_equal(labels_find_wnid(labels, "n00000001"), -1);
    for (int i = 1; i < 1000; i++)
        assert_true(strcmp(labels_wnid(labels, i - 1), labels_wnid(labels, i)) < 0);
}

static void names_that_two_classes_bear(void **state)
{
    (void)state;
    const struct labels *labels = labels_imagenet();
    assert_int_equal(labels_find_name(labels, "crane"), -2);
    assert_int_equal(labels_find_name(labels, "maillot"), -2);
    assert_int_equal(labels_find_name(labels, "maillot, tank suit"), 639);
    assert_int_equal(labels_find_name(labels, "Great_White_SHARK"), 2);
    assert_int_equal(labels_find_name(labels, "tench, Tinca tinca"), 0);
    assert_int_equal(labels_find_name(labels, "ten"), -1);
    assert_int_equal(labels_find_name(labels, "tench,"), -1);
    assert_int_equal(labels_find_name(labels, ""), -1);
}

static void devkit_ids_are_a_permutation(void **state)
{
    (void)state;
    char seen[1000] = {0};
    for (long id = 1; id <= 1000; id++) {
        int index = labels_from_ilsvrc(id);
        assert_in_range(index, 0, 999);
        seen[index]++;
    }
    assert_null(memchr(seen, 0, sizeof seen));
    assert_int_equal(labels_from_ilsvrc(1), 278); // kit fox, n02119789
    assert_int_equal(labels_from_ilsvrc(0), -1);
    assert_int_equal(labels_from_ilsvrc(1001), -1);
}

static void a_name_a_line(void **state)
{
    (void)state;
    struct labels *labels = read_text("\xEF\xBB\xBF"
                                      "cup\r\n great fork \r\n\r\n");
    assert_int_equal(labels_count(labels), 2);
    assert_string_equal(labels_words(labels, 0), "cup");
    assert_string_equal(labels_words(labels, 1), "great fork");
    assert_null(labels_wnid(labels, 0));
    assert_int_equal(labels_find_wnid(labels, "n01440764"), -1);
    labels_close(labels);
    refused("cup\n\nfork\n", ":2: empty");
    refused("\n", "no class");
    refused("", "no class");
}

static void synsets(void **state)
{
    (void)state;
    struct labels *labels = read_text("n00000001 cup, mug\nn01440764\nn00000002\n");
    assert_int_equal(labels_count(labels), 3);
    assert_string_equal(labels_words(labels, 0), "cup, mug");
    assert_string_equal(labels_words(labels, 1), "tench, Tinca tinca");
    assert_string_equal(labels_words(labels, 2), "n00000002");
    assert_int_equal(labels_find_wnid(labels, "n00000002"), 2); // not in sorted order
    assert_int_equal(labels_find_wnid(labels, "n00000003"), -1);
    labels_close(labels);
    refused("n00000001 cup\nfork\n", ":2: \"fork\"");
    refused("n02119789 kit fox\nn02100735 English setter\n", "devkit");
}

static void json(void **state)
{
    (void)state;
    struct labels *labels =
        read_text("{\"1\": [\"n00000002\", \"fork\"], \"0\": [\"n00000001\", \"cup\"]}");
    assert_int_equal(labels_count(labels), 2);
    assert_string_equal(labels_words(labels, 0), "cup");
    assert_string_equal(labels_wnid(labels, 1), "n00000002");
    labels_close(labels);
    labels = read_text(" {\"0\": \"cup\", \"1\": \"fork, pitchfork\"}\n");
    assert_string_equal(labels_words(labels, 1), "fork, pitchfork");
    labels_close(labels);
    refused("{\"0\": [\"n00000001\", \"cup\"}", "not JSON from byte 25");
    refused("{\"0\": \"cup\"} x", "not JSON");
    refused("{\"0\": \"cup\", \"0\": \"mug\"}", "named twice");
    refused("{\"0\": \"cup\", \"2\": \"mug\"}", "class 1 is missing");
    refused("{\"zero\": \"cup\"}", "\"zero\", expected a class index");
    refused("{\"-1\": \"cup\"}", "expected a class index");
    refused("{\"0\": [\"cup\"]}", "class 0, expected");
    refused("{\"0\": 1}", "class 0, expected");
    refused("{}", "no class");
    refused("{\"99999999999999999999\": \"cup\"}", "expected a class index");
    refused("{\"9999999\": \"cup\"}", "expected 0 to");
    refused("{\"0\": [\"n00000002\", \"a\"], \"1\": [\"n00000001\", \"b\"]}", "order");
    refused("{\"1\": [\"n00000001\", \"a\"], \"2\": [\"n00000002\", \"b\"]}",
            "begin at 1");
}

static void csv(void **state)
{
    (void)state;
    struct labels *labels = read_text("wnid,index,\"Name\"\r\n"
                                      "n00000002,1,\"fork, \"\"big\"\"\"\r\n"
                                      "n00000001,0,\r\n\r\n");
    assert_int_equal(labels_count(labels), 2);
    assert_string_equal(labels_words(labels, 0), "n00000001");
    assert_string_equal(labels_words(labels, 1), "fork, \"big\"");
    assert_int_equal(labels_find_wnid(labels, "n00000002"), 1);
    labels_close(labels);
    labels = read_text("index,name\n0,cup\n");
    assert_null(labels_wnid(labels, 0));
    labels_close(labels);
    refused("index,colour\n0,red\n", "expected wnid or name");
    refused("index,name\n0,cup\n0,mug\n", ":3: class 0 is named twice");
    refused("index,name\nx,cup\n", ":2: index \"x\"");
    refused("index,name\n0\n", ":2: class 0 has no name");
    refused("index,name\n0,\"cup\n", ":2: quotes do not match");
    refused("index,name\n1,cup\n", "class 0 is missing");
}

static void binary_is_no_label_file(void **state)
{
    (void)state;
    struct labels *labels;
    struct err e = {0};
    const char *path = tempdir_write_n(&dir, "labels.bin", "ab\0c", 4);
    assert_int_equal(labels_open(path, &labels, &e), ERR_FORMAT);
    assert_non_null(strstr(e.msg, "byte 2 is 0"));
    assert_int_equal(labels_open("/nonexistent/labels", &labels, &e), ERR_MISSING);
}

static void made_from_names(void **state)
{
    (void)state;
    const char *const names[] = {"a", NULL};
    struct labels *labels = labels_new(names, NULL, 2);
    assert_string_equal(labels_words(labels, 0), "a");
    assert_string_equal(labels_words(labels, 1), "class 1");
    labels_close(labels);
    labels = labels_new(NULL, NULL, 3);
    assert_int_equal(labels_count(labels), 3);
    assert_string_equal(labels_words(labels, 2), "class 2");
    labels_close(labels);
    labels_close(NULL);
}

// The files as they are found in the wild.
static void through_json(void **state)
{
    (void)state;
    const char *const names[] = {"crane", "crane, \"big\"", NULL};
    const char *const wnids[] = {"n02012849", NULL, "n03126707"};
    assert_null(labels_to_json(labels_imagenet()));
    struct labels *labels = labels_new(NULL, NULL, 3);
    assert_null(labels_to_json(labels));
    labels_close(labels);
    labels = labels_new(names, wnids, 3);
    char *text = labels_to_json(labels);
    labels_close(labels);
    assert_null(labels_from_json(text, 4));
    assert_null(labels_from_json(NULL, 3));
    assert_null(labels_from_json("{\"names\": [1, 2, 3]}", 3));
    labels = labels_from_json(text, 3);
    assert_non_null(labels);
    assert_string_equal(labels_words(labels, 0), "crane");
    assert_string_equal(labels_words(labels, 1), "crane, \"big\"");
    assert_string_equal(labels_words(labels, 2), "class 2");
    assert_string_equal(labels_wnid(labels, 2), "n03126707");
    assert_null(labels_wnid(labels, 1));
    labels_close(labels);
    free(text);
}

static void reference_files(void **state)
{
    (void)state;
    const char *const folder = XLENS_REFERENCE_DIR "/data/labels";
    const char *const good[] = {"imagenet_class_index.json", "synset_words.txt",
                                "synsets.txt", "class_map.csv"};
    char path[TEMP_PATH];
    if (!file_is_dir(folder)) {
        print_message("SKIPPED: no %s\n", folder);
        skip();
    }
    const struct labels *imagenet = labels_imagenet();
    for (size_t f = 0; f < sizeof good / sizeof good[0]; f++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, good[f]);
        struct labels *labels = opened(path);
        assert_int_equal(labels_count(labels), 1000);
        for (int i = 0; i < 1000; i++) {
            assert_string_equal(labels_wnid(labels, i), labels_wnid(imagenet, i));
            int found = labels_find_name(imagenet, labels_words(labels, i));
            assert_true(found == i || found == -2);
        }
        labels_close(labels);
    }
    struct labels *labels;
    struct err e = {0};
    (void)snprintf(path, sizeof path, "%s/trap_devkit_order_imagenet_class_index.json",
                   folder);
    assert_int_equal(labels_open(path, &labels, &e), ERR_FORMAT);
    assert_non_null(strstr(e.msg, "devkit"));
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
        cmocka_unit_test(built_in_classes),
        cmocka_unit_test(names_that_two_classes_bear),
        cmocka_unit_test(devkit_ids_are_a_permutation),
        cmocka_unit_test(a_name_a_line),
        cmocka_unit_test(synsets),
        cmocka_unit_test(json),
        cmocka_unit_test(csv),
        cmocka_unit_test(binary_is_no_label_file),
        cmocka_unit_test(made_from_names),
        cmocka_unit_test(through_json),
        cmocka_unit_test(reference_files),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

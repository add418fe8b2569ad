#include "report/export.h"

#include "archive/archive.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const names[] = {"cup", "fork, \"big\"", "knife"};

static const struct row rows[] = {
    {.file = "a.jpg",
     .label = 1,
     .count = 3,
     .top = {1, 0, 2},
     .prob = {0.75f, 0.125f, 0.0625f}},
    {.file = "b,\"c\".jpg", .label = -1, .count = 2, .top = {2, 0}, .prob = {1.0f, 0.0f}},
    {.file = "d\xff\n.jpg", .label = 0, .error = "truncated, at byte 7"},
    {.file = "/abs/e.jpg", .label = 0, .count = 1, .top = {2}, .prob = {0.3333333f}},
};
enum { ROWS = sizeof rows / sizeof *rows };

static struct labels *labels;

static int open_labels(void **state)
{
    static const char *const wnids[] = {"n00000001", NULL, "n00000003"};
    (void)state;
    labels = labels_new(names, wnids, 3);
    return 0;
}

static int close_labels(void **state)
{
    (void)state;
    labels_close(labels);
    return 0;
}

static struct rep_export export_of(const size_t *indices, size_t count)
{
    return (struct rep_export){.rows = rows,
                               .indices = indices,
                               .count = count,
                               .labels = labels,
                               .classes = 3,
                               .root = "/data"};
}

static void writes(const struct rep_export *what, enum rep_format format,
                   const char *want)
{
    char *text = NULL;
    size_t len = 0;
    struct err err = {0};
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    if (rep_export_write(what, format, out, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, want);
    free(text);
}

#define CSV_HEAD                                                                         \
    "file,label,label_name,top1,top2,top3,top4,top5,prob1,prob2,prob3,prob4,prob5,"      \
    "error\n"

static void csv_is_rfc_4180(void **state)
{
    (void)state;
    static const size_t order[] = {3, 0, 1, 2};
    struct rep_export what = export_of(order, ROWS);
    writes(&what, REP_CSV,
           CSV_HEAD
           "/abs/e.jpg,0,cup,2,,,,,0.333333,,,,,\n"
           "a.jpg,1,\"fork, \"\"big\"\"\",1,0,2,,,0.750000,0.125000,0.062500,,,\n"
           "\"b,\"\"c\"\".jpg\",,,2,0,,,,1.000000,0.000000,,,,\n"
           "\"d\xff\n.jpg\",0,cup,,,,,,,,,,,\"truncated, at byte 7\"\n");
    struct rep_export none = export_of(order, 0);
    writes(&none, REP_CSV, CSV_HEAD);
}

static void jsonl_escapes_what_it_must(void **state)
{
    (void)state;
    struct rep_export what = export_of(NULL, 3);
    writes(
        &what, REP_JSONL,
        "{\"file\":\"a.jpg\",\"label\":1,\"label_name\":\"fork, \\\"big\\\"\",\"topk\":["
        "{\"index\":1,\"label\":\"fork, \\\"big\\\"\",\"wnid\":null,\"prob\":0.75000000},"
        "{\"index\":0,\"label\":\"cup\",\"wnid\":\"n00000001\",\"prob\":0.12500000},"
        "{\"index\":2,\"label\":\"knife\",\"wnid\":\"n00000003\",\"prob\":0.06250000}],"
        "\"error\":null}\n"
        "{\"file\":\"b,\\\"c\\\".jpg\",\"label\":null,\"label_name\":null,\"topk\":["
        "{\"index\":2,\"label\":\"knife\",\"wnid\":\"n00000003\",\"prob\":1.00000000},"
        "{\"index\":0,\"label\":\"cup\",\"wnid\":\"n00000001\",\"prob\":0.00000000}],"
        "\"error\":null}\n"
        "{\"file\":\"d\\udcff\\u000a.jpg\",\"label\":0,\"label_name\":\"cup\",\"topk\":["
        "],\"error\":\"truncated, at byte 7\"}\n");
}

static void datalists_have_absolute_paths(void **state)
{
    (void)state;
    static const size_t order[] = {0, 1, 3}, broken[] = {2};
    struct rep_export what = export_of(order, 3), bad = export_of(broken, 1);
    struct err err = {0};
    writes(&what, REP_DATALIST, "/data/a.jpg 1\n/data/b,\"c\".jpg\n/abs/e.jpg 0\n");
    FILE *out = fopen("/dev/null", "w");
    assert_int_equal(rep_export_write(&bad, REP_DATALIST, out, &err), ERR_FORMAT);
    assert_int_equal(fclose(out), 0);
}

static void confusion_is_a_square(void **state)
{
    (void)state;
    struct rep_export what = export_of(NULL, ROWS);
    writes(&what, REP_CONFUSION,
           "truth,cup,\"fork, \"\"big\"\"\",knife\n"
           "cup,0,0,1\n"
           "\"fork, \"\"big\"\"\",0,1,0\n"
           "knife,0,0,0\n");
    // Past 1000 classes, those that occur.
    what.classes = 5000;
    writes(&what, REP_CONFUSION,
           "truth,cup,\"fork, \"\"big\"\"\",knife\n"
           "cup,0,0,1\n"
           "\"fork, \"\"big\"\"\",0,1,0\n"
           "knife,0,0,0\n");
}

static void a_full_disk_is_told(void **state)
{
    (void)state;
    struct rep_export what = export_of(NULL, ROWS);
    struct err err = {0};
    FILE *out = fopen("/dev/full", "w");
    assert_non_null(out);
    assert_int_equal(rep_export_write(&what, REP_CSV, out, &err), ERR_NO_SPACE);
    (void)fclose(out);
}

static void relay_text_has_a_line_a_prediction(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    rep_relay_write(out, "/d/a.jpg", &rows[0], labels);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(
        text, "/d/a.jpg: Relay top-0 id: 1, prob: 0.75000000, class name: fork, \"big\"\n"
              "/d/a.jpg: Relay top-1 id: 0, prob: 0.12500000, class name: cup\n"
              "/d/a.jpg: Relay top-2 id: 2, prob: 0.06250000, class name: knife\n");
    free(text);
}

static void read_back(const char *path, const char *key, const void *want, size_t bytes)
{
    struct arc_array array;
    struct err err = {0};
    if (arc_npz_read(path, key, 1 << 20, &array, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(array.bytes, bytes);
    assert_memory_equal(array.data, want, bytes);
    arc_array_release(&array);
}

static void npz_holds_the_same(void **state)
{
    (void)state;
    static const int32_t label[] = {1, -1, 0, 0};
    static const int32_t top[] = {1,  0,  2,  -1, -1, 2, 0,  -1, -1, -1,
                                  -1, -1, -1, -1, -1, 2, -1, -1, -1, -1};
    static const float prob[] = {0.75f, 0.125f, 0.0625f, 0, 0, 1.0f,       0, 0, 0, 0,
                                 0,     0,      0,       0, 0, 0.3333333f, 0, 0, 0, 0};
    static const int64_t counts[] = {0, 0, 1, 0, 1, 0, 0, 0, 0};
    static const int32_t index[] = {0, 1, 2};
    struct rep_export what = export_of(NULL, ROWS);
    struct err err = {0};
    char dir[] = "/tmp/xlens-report-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/x.npz", dir);
    if (rep_export_npz(&what, path, false, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    read_back(path, "label", label, sizeof label);
    read_back(path, "top", top, sizeof top);
    read_back(path, "prob", prob, sizeof prob);
    assert_int_equal(rep_confusion_npz(&what, path, false, &err), ERR_EXISTS);
    if (rep_confusion_npz(&what, path, true, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    read_back(path, "counts", counts, sizeof counts);
    read_back(path, "index", index, sizeof index);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

// A locale that writes 0,75: one that the machine has, else one made for the test.
static bool set_comma_locale(char *dir)
{
    static const char *const known[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8"};
    for (int i = 0; i < 3; i++)
        if (setlocale(LC_ALL, known[i]))
            return true;
    char path[64];
    if (!mkdtemp(dir))
        return false;
    (void)snprintf(path, sizeof path, "%s/de_DE.UTF-8", dir);
    pid_t pid = fork();
    if (pid == 0) {
        execlp("localedef", "localedef", "-c", "-i", "de_DE", "-f", "UTF-8", path, NULL);
        _exit(127);
    }
    (void)waitpid(pid, NULL, 0);
    (void)setenv("LOCPATH", dir, 1);
    return setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
}

static void remove_tree(const char *dir)
{
    pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", dir, NULL);
        _exit(127);
    }
    (void)waitpid(pid, NULL, 0);
}

static void numbers_do_not_follow_the_locale(void **state)
{
    char dir[] = "/tmp/xlens-locale-XXXXXX", sample[16];
    if (!set_comma_locale(dir)) {
        remove_tree(dir);
        print_message(
            "SKIPPED: no locale with a decimal comma, and localedef made none\n");
        skip();
    }
    (void)snprintf(sample, sizeof sample, "%.2f", 0.5);
    assert_string_equal(sample, "0,50"); // else this test shows nothing
    csv_is_rfc_4180(state);
    jsonl_escapes_what_it_must(state);
    relay_text_has_a_line_a_prediction(state);
    struct rep_filter *filter;
    assert_int_equal(rep_filter_parse("conf>0.7", NULL, &filter, NULL), ERR_OK);
    assert_true(rep_filter_match(filter, &rows[0], false));
    assert_false(rep_filter_match(filter, &rows[3], false));
    rep_filter_free(filter);
    (void)setlocale(LC_ALL, "C");
    remove_tree(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_is_rfc_4180),
        cmocka_unit_test(jsonl_escapes_what_it_must),
        cmocka_unit_test(datalists_have_absolute_paths),
        cmocka_unit_test(confusion_is_a_square),
        cmocka_unit_test(a_full_disk_is_told),
        cmocka_unit_test(relay_text_has_a_line_a_prediction),
        cmocka_unit_test(npz_holds_the_same),
        cmocka_unit_test(numbers_do_not_follow_the_locale),
    };
    return cmocka_run_group_tests(tests, open_labels, close_labels);
}

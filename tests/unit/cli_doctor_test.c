// Which class a label means under each order, what a fair sample is, and what is counted
// on the answers of two trials.

#include "cli/doctor/doctor.h"

#include "base/file.h"
#include "base/mem.h"

#include "tests/support/tempdir.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

static const int *wanted_of(struct doctor_picture *picture, int label, int classes)
{
    *picture = (struct doctor_picture){.label = label};
    doctor_orders_fill(picture, 1, classes, 0);
    return picture->wanted;
}

// The devkit's meta.mat: id 1 is kit fox (n02119789), which is class 278 by WordNet id;
// class 0, tench (n01440764), is id 449.
static void devkit_orders(void **state)
{
    (void)state;
    struct doctor_picture p;
    assert_int_equal(wanted_of(&p, 1, 1000)[DOCTOR_ILSVRC], 278);
    assert_int_equal(wanted_of(&p, 0, 1000)[DOCTOR_ILSVRC], -1);
    assert_int_equal(wanted_of(&p, 1000, 1000)[DOCTOR_PLAIN], -1);
    assert_true(wanted_of(&p, 1000, 1000)[DOCTOR_ILSVRC] >= 0);
    assert_int_equal(wanted_of(&p, 0, 1000)[DOCTOR_ILSVRC_FROM_ZERO], 278);
    assert_int_equal(wanted_of(&p, 278, 1000)[DOCTOR_MODEL_ILSVRC], 0);
    assert_int_equal(wanted_of(&p, 0, 1000)[DOCTOR_MODEL_ILSVRC], 448);
    // Behind a background class: id 1 was read as number 1, class 2.
    p.label = 2;
    doctor_orders_fill(&p, 1, 1001, 1);
    assert_int_equal(p.wanted[DOCTOR_PLAIN], 2);
    assert_int_equal(p.wanted[DOCTOR_FROM_ONE], 1);
    assert_int_equal(p.wanted[DOCTOR_ILSVRC], 279);
    // Six classes have no such ids.
    struct doctor_sample sample = {&p, 1, 1, 1};
    assert_int_equal(wanted_of(&p, 1, 6)[DOCTOR_ILSVRC], -1);
    assert_false(doctor_order_applies(&sample, DOCTOR_ILSVRC));
    assert_true(doctor_order_applies(&sample, DOCTOR_FROM_ONE));
}

// 0 1 10 11 2 3 … is how 12 numbers are sorted as text.
static void shifts_and_text(void **state)
{
    (void)state;
    struct doctor_picture p;
    assert_int_equal(wanted_of(&p, 3, 12)[DOCTOR_PLAIN], 3);
    assert_int_equal(p.wanted[DOCTOR_FROM_ONE], 2);
    assert_int_equal(p.wanted[DOCTOR_BACKGROUND], 4);
    assert_int_equal(p.wanted[DOCTOR_AS_TEXT], 11);
    assert_int_equal(p.wanted[DOCTOR_MODEL_AS_TEXT], 5);
    assert_int_equal(wanted_of(&p, 0, 12)[DOCTOR_FROM_ONE], -1);
    assert_int_equal(wanted_of(&p, 11, 12)[DOCTOR_BACKGROUND], -1);
    assert_int_equal(wanted_of(&p, 11, 1001)[DOCTOR_BACKGROUND], 12);
    assert_int_equal(wanted_of(&p, 3, 10)[DOCTOR_AS_TEXT], -1);
}

// 30 pictures of class 0, 3 of class 1, 1 of class 2 and two without a label.
static void samples_have_many_labels(void **state)
{
    (void)state;
    static const struct {
        size_t n, count[3];
    } want[] = {
        {3, {1, 1, 1}},   {5, {2, 2, 1}},   {7, {3, 3, 1}},
        {20, {16, 3, 1}}, {99, {30, 3, 1}},
    };
    struct tempdir dir = tempdir_make();
    struct ds *ds = NULL;
    struct file_out csv = {0};
    char *path = mem_printf("%s/set.csv", dir.path);
    assert_int_equal(file_out_open(&csv, path, false, NULL), ERR_OK);
    (void)fputs("file,label\n", csv.stream);
    for (int i = 0; i < 36; i++)
        (void)fprintf(csv.stream, "%d.png,%s\n", i,
                      i < 30   ? "0"
                      : i < 33 ? "1"
                      : i < 34 ? "2"
                               : "");
    assert_int_equal(file_out_commit(&csv, NULL), ERR_OK);
    assert_int_equal(ds_open(path, NULL, &ds, NULL), ERR_OK);
    for (size_t w = 0; w < sizeof want / sizeof *want; w++) {
        struct doctor_sample sample;
        size_t count[3] = {0};
        assert_int_equal(doctor_sample_open(ds, want[w].n, 10, 0, &sample, NULL), ERR_OK);
        assert_int_equal(sample.labelled, 34);
        assert_int_equal(sample.per_class, want[w].count[0]);
        for (size_t i = 0; i < sample.count; i++) {
            count[sample.pictures[i].label]++;
            for (size_t k = 0; k < i; k++)
                assert_int_not_equal(sample.pictures[i].item, sample.pictures[k].item);
        }
        assert_memory_equal(count, want[w].count, sizeof count);
        doctor_sample_release(&sample);
    }
    ds_close(ds);
    free(path);
    tempdir_remove(&dir);
}

// Four pictures of class 1 or 2 under two trials; the last failed in one of them.
static void answers_are_compared_in_pairs(void **state)
{
    (void)state;
    struct doctor_picture pictures[4] = {
        {.label = 1}, {.label = 2}, {.label = 1}, {.label = 2}};
    struct doctor_sample sample = {pictures, 4, 4, 2};
    struct doctor_answer a[4] = {
        {.ok = true, .count = 3, .top = {1, 2, 0}, .score = {2}},
        {.ok = true, .count = 3, .top = {0, 1, 2}, .score = {-1}},
        {.ok = true, .count = 3, .top = {1, 0, 2}, .score = {1}},
        {.ok = true, .count = 3, .top = {2, 0, 1}, .score = {0.5F}},
    };
    struct doctor_answer b[4] = {
        {.ok = true, .count = 3, .top = {2, 1, 0}, .score = {1}},
        {.ok = true, .count = 3, .top = {2, 1, 0}, .score = {3}},
        {.ok = true, .count = 3, .top = {0, 2, 1}, .score = {-2}},
        {.ok = false},
    };
    doctor_orders_fill(pictures, 4, 3, 0);
    const struct doctor_trial one = {.count = 4, .answers = a};
    const struct doctor_trial two = {.count = 4, .answers = b};
    struct doctor_figures f;
    doctor_compare(&sample, &one, DOCTOR_PLAIN, &two, DOCTOR_PLAIN, &f);
    assert_int_equal(f.images, 4);
    assert_int_equal(f.top1, 3);
    assert_int_equal(f.top5, 4);
    assert_int_equal(f.better, 2);
    assert_int_equal(f.worse, 1);
    assert_int_equal(f.higher, 2);
    assert_int_equal(f.lower, 1);
    assert_true(fabs(f.score - 2.5 / 4) < 1e-9);
    assert_true(fabs(f.p_top1 - 1.0) < 1e-9); // 2 of 3: every split is as uneven
    // Labels that count from 1 mean classes 0 and 1.
    doctor_compare(&sample, &two, DOCTOR_FROM_ONE, &two, DOCTOR_PLAIN, &f);
    assert_int_equal(f.images, 3);
    assert_int_equal(f.top1, 1);
    assert_int_equal(f.better, 1);
    assert_int_equal(f.worse, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devkit_orders),
        cmocka_unit_test(shifts_and_text),
        cmocka_unit_test(samples_have_many_labels),
        cmocka_unit_test(answers_are_compared_in_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "dataset/dataset.h"

#include "base/file.h"

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

static void refused(const char *path, const struct ds_opts *opts, enum err_code code,
                    const char *message)
{
    struct ds *ds;
    struct err e = {0};
    assert_int_equal(ds_open(path, opts, &ds, &e), code);
    if (!strstr(e.msg, message))
        fail_msg("\"%s\" lacks \"%s\"", e.msg, message);
}

static void assert_item(const struct ds *ds, size_t i, const char *name, int label)
{
    assert_true(i < ds_count(ds));
    assert_string_equal(ds_item(ds, i)->name, name);
    assert_int_equal(ds_item(ds, i)->label, label);
}

static void flat_val_beside_above_and_below(void **state)
{
    (void)state;
    static const char *const label_files[] = {"val/val_label.txt", "val_label.txt"};
    for (size_t i = 0; i < 2; i++) {
        struct tempdir own = tempdir_make();
        tempdir_write(&own, "val/ILSVRC2012_val_00000002.JPEG", "");
        tempdir_write(&own, "val/ILSVRC2012_val_00000001.JPEG", "");
        tempdir_write(&own, "val/ILSVRC2012_val_00000003.JPEG", "");
        tempdir_write(&own, label_files[i],
                      "ILSVRC2012_val_00000001.JPEG 65\r\n"
                      "val/ILSVRC2012_val_00000002.JPEG\t970\r\n");
        struct ds *inside = opened(tempdir_path(&own, "val"), NULL);
        assert_int_equal(ds_shape(inside), DS_FLAT_VAL);
        assert_int_equal(ds_count(inside), 3);
        assert_int_equal(ds_labelled(inside), 2);
        assert_item(inside, 0, "ILSVRC2012_val_00000001.JPEG", 65);
        assert_item(inside, 1, "ILSVRC2012_val_00000002.JPEG", 970);
        assert_item(inside, 2, "ILSVRC2012_val_00000003.JPEG", -1);
        ds_close(inside);
        struct ds *outside = opened(own.path, NULL);
        assert_int_equal(ds_shape(outside), DS_FLAT_VAL);
        assert_item(outside, 1, "val/ILSVRC2012_val_00000002.JPEG", 970);
        char *path = ds_path(outside, 1);
        assert_true(file_exists(path));
        free(path);
        ds_close(outside);
        tempdir_remove(&own);
    }
}

static void bare_indices_go_by_number(void **state)
{
    (void)state;
    tempdir_write(&dir, "bare/ILSVRC2012_val_00000003.JPEG", "");
    tempdir_write(&dir, "bare/val_label.txt", "7\n8\n9\n");
    struct ds *ds = opened(tempdir_path(&dir, "bare"), NULL);
    assert_item(ds, 0, "ILSVRC2012_val_00000003.JPEG", 9);
    ds_close(ds);
    // Other names go by place, which needs as many labels as pictures.
    tempdir_write(&dir, "bare2/b.jpg", "");
    tempdir_write(&dir, "bare2/a.jpg", "");
    tempdir_write(&dir, "bare2/val_label.txt", "7\n8\n");
    ds = opened(tempdir_path(&dir, "bare2"), NULL);
    assert_item(ds, 1, "b.jpg", 8);
    ds_close(ds);
    tempdir_write(&dir, "bare2/val_label.txt", "7\n8\n9\n");
    refused(tempdir_path(&dir, "bare2"), NULL, ERR_FORMAT, "3 labels for 2 pictures");
}

static void devkit_ids_on_request(void **state)
{
    (void)state;
    const struct ds_opts opts = {.ilsvrc_order = true};
    tempdir_write(&dir, "dev/a.JPEG", "");
    tempdir_write(&dir, "dev/val_label.txt", "a.JPEG 1\n");
    struct ds *ds = opened(tempdir_path(&dir, "dev"), &opts);
    assert_item(ds, 0, "a.JPEG", 278);
    ds_close(ds);
    tempdir_write(&dir, "dev/val_label.txt", "a.JPEG 1000\n");
    refused(tempdir_path(&dir, "dev"), NULL, ERR_FORMAT,
            ":1: class 1000, expected 0 to 999 (the devkit's ids from 1 need "
            "--label-order ilsvrc)");
    tempdir_write(&dir, "dev/val_label.txt", "a.JPEG 0\n");
    refused(tempdir_path(&dir, "dev"), &opts, ERR_FORMAT, ":1: id 0");
}

static void bad_val_label_lines(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a.JPEG 1\nb.JPEG x\n", ":2: \"x\", expected FILE INDEX"},
        {"a.JPEG 1\n2\n", ":2: expected FILE INDEX"},
        {"1\na.JPEG 1\n", ":2: expected INDEX alone"},
        {"a.JPEG 1\n\nb.JPEG 2\na.JPEG 3\n", ":4: a.JPEG is named on line 1 already"},
        {"a.JPEG -1\n", ":1: \"-1\""},
        {"a.JPEG 99999999999999999999\n", ":1: \"999"},
        {"\n", "empty"},
    };
    tempdir_write(&dir, "bad/a.JPEG", "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tempdir_write(&dir, "bad/val_label.txt", cases[i][0]);
        refused(tempdir_path(&dir, "bad"), NULL, ERR_FORMAT, cases[i][1]);
    }
}

static void explicit_val_label(void **state)
{
    (void)state;
    char file[TEMP_PATH];
    tempdir_write(&dir, "ex/x/a.JPEG", "");
    tempdir_write(&dir, "ex/y/b.JPEG", "");
    (void)snprintf(file, sizeof file, "%s",
                   tempdir_write(&dir, "list.txt", "b.JPEG 5\n"));
    const struct ds_opts opts = {.val_label = file};
    struct ds *ds = opened(tempdir_path(&dir, "ex"), &opts);
    assert_int_equal(ds_shape(ds), DS_FLAT_VAL);
    assert_item(ds, 1, "y/b.JPEG", 5);
    ds_close(ds);
    tempdir_write(&dir, "list.txt", "c.JPEG 5\n");
    refused(tempdir_path(&dir, "ex"), &opts, ERR_FORMAT, "names none of the 2 pictures");
    const struct ds_opts missing = {.val_label = "/nonexistent/val"};
    refused(tempdir_path(&dir, "ex"), &missing, ERR_MISSING, "/nonexistent/val");
}

static void unrelated_val_label_above_is_passed_over(void **state)
{
    (void)state;
    tempdir_write(&dir, "un/val_label.txt", "other.JPEG 5\n");
    tempdir_write(&dir, "un/in/n01440764_tench.JPEG", "");
    struct ds *ds = opened(tempdir_path(&dir, "un/in"), NULL);
    assert_int_equal(ds_shape(ds), DS_WNID_FILES);
    assert_item(ds, 0, "n01440764_tench.JPEG", 0);
    ds_close(ds);
}

static void wnid_folders(void **state)
{
    (void)state;
    tempdir_write(&dir, "wn/n01443537/more/c.PnG", "");
    tempdir_write(&dir, "wn/n01440764/b.jpg", "");
    tempdir_write(&dir, "wn/n01440764/a.JPEG", "");
    tempdir_write(&dir, "wn/n99999999/z.JPEG", "");
    tempdir_write(&dir, "wn/n01440764/.hidden.JPEG", "");
    tempdir_write(&dir, "wn/.cache/x.JPEG", "");
    tempdir_write(&dir, "wn/n01440764/readme.txt", "");
    struct ds *ds = opened(tempdir_path(&dir, "wn"), NULL);
    assert_int_equal(ds_shape(ds), DS_WNID_FOLDERS);
    assert_int_equal(ds_count(ds), 4);
    assert_int_equal(ds_labelled(ds), 3);
    assert_item(ds, 0, "n01440764/a.JPEG", 0);
    assert_item(ds, 1, "n01440764/b.jpg", 0);
    assert_item(ds, 2, "n01443537/more/c.PnG", 1);
    assert_item(ds, 3, "n99999999/z.JPEG", -1);
    assert_null(ds_own_labels(ds));
    assert_string_equal(ds_root(ds), tempdir_path(&dir, "wn"));
    ds_close(ds);
}

static void wnid_folders_by_other_labels(void **state)
{
    (void)state;
    const char *const wnids[] = {"n00000002", "n01443537"};
    struct labels *labels = labels_new(wnids, wnids, 2);
    const struct ds_opts opts = {.labels = labels};
    struct ds *ds = opened(tempdir_path(&dir, "wn"), &opts);
    assert_item(ds, 2, "n01443537/more/c.PnG", 1);
    assert_item(ds, 0, "n01440764/a.JPEG", -1);
    ds_close(ds);
    labels_close(labels);
}

static void named_folders(void **state)
{
    (void)state;
    tempdir_write(&dir, "nm/fork/1.jpg", "");
    tempdir_write(&dir, "nm/cup/2.jpg", "");
    tempdir_write(&dir, "nm/cup-big/3.jpg", ""); // sorts before cup/
    tempdir_write(&dir, "nm/empty/note.txt", "");
    struct ds *ds = opened(tempdir_path(&dir, "nm"), NULL);
    assert_int_equal(ds_shape(ds), DS_NAMED_FOLDERS);
    assert_item(ds, 0, "cup-big/3.jpg", 1);
    assert_item(ds, 1, "cup/2.jpg", 0);
    assert_item(ds, 2, "fork/1.jpg", 3);
    assert_int_equal(labels_count(ds_own_labels(ds)), 4);
    assert_string_equal(labels_words(ds_own_labels(ds), 2), "empty");
    ds_close(ds);
    const char *const names[] = {"fork", "knife", "cup"};
    struct labels *labels = labels_new(names, NULL, 3);
    const struct ds_opts opts = {.labels = labels};
    ds = opened(tempdir_path(&dir, "nm"), &opts);
    assert_item(ds, 0, "cup-big/3.jpg", -1);
    assert_item(ds, 1, "cup/2.jpg", 2);
    assert_item(ds, 2, "fork/1.jpg", 0);
    assert_null(ds_own_labels(ds));
    ds_close(ds);
    labels_close(labels);
    tempdir_write(&dir, "am/crane/1.jpg", "");
    tempdir_write(&dir, "am/tench/1.jpg", "");
    const struct ds_opts imagenet = {.labels = labels_imagenet()};
    refused(tempdir_path(&dir, "am"), &imagenet, ERR_FORMAT, "several classes");
}

static void numbered_folders_mean_their_number(void **state)
{
    (void)state;
    tempdir_write(&dir, "nu/10/a.jpg", "");
    tempdir_write(&dir, "nu/2/a.jpg", "");
    struct ds *ds = opened(tempdir_path(&dir, "nu"), NULL);
    assert_item(ds, 0, "10/a.jpg", 10);
    assert_item(ds, 1, "2/a.jpg", 2);
    assert_null(ds_own_labels(ds));
    ds_close(ds);
}

static void plain_folders(void **state)
{
    (void)state;
    tempdir_write(&dir, "pl/b.JPG", "");
    tempdir_write(&dir, "pl/sub/a.jpeg", "");
    tempdir_write(&dir, "pl/note.gif", "");
    struct ds *ds = opened(tempdir_path(&dir, "pl"), NULL);
    assert_int_equal(ds_shape(ds), DS_PLAIN);
    assert_int_equal(ds_count(ds), 2);
    assert_int_equal(ds_labelled(ds), 0);
    assert_item(ds, 0, "b.JPG", -1);
    ds_close(ds);
    tempdir_write(&dir, "one/images/a.jpeg", "");
    ds = opened(tempdir_path(&dir, "one"), NULL);
    assert_int_equal(ds_shape(ds), DS_PLAIN);
    ds_close(ds);
}

static void links_are_followed_and_loops_are_not(void **state)
{
    (void)state;
    tempdir_write(&dir, "ln/a.jpg", "");
    tempdir_write(&dir, "elsewhere/b.jpg", "");
    char target[TEMP_PATH];
    (void)snprintf(target, sizeof target, "%s", tempdir_path(&dir, "elsewhere"));
    assert_int_equal(symlink("..", tempdir_path(&dir, "ln/loop")), 0);
    assert_int_equal(symlink(target, tempdir_path(&dir, "ln/link")), 0);
    assert_int_equal(symlink("nowhere", tempdir_path(&dir, "ln/gone.jpg")), 0);
    assert_int_equal(symlink("ln", tempdir_path(&dir, "ln_link")), 0);
    struct ds *ds = opened(tempdir_path(&dir, "ln_link"), NULL);
    bool linked = false, gone = false;
    for (size_t i = 0; i < ds_count(ds); i++) {
        linked |= strcmp(ds_item(ds, i)->name, "link/b.jpg") == 0;
        gone |= strcmp(ds_item(ds, i)->name, "gone.jpg") == 0;
        assert_null(strstr(ds_item(ds, i)->name, "loop/ln/loop"));
    }
    assert_true(linked);
    assert_true(gone);
    ds_close(ds);
}

static void nothing_there(void **state)
{
    (void)state;
    refused(tempdir_path(&dir, "nosuch"), NULL, ERR_MISSING, "no such file or folder");
    tempdir_write(&dir, "no/readme.md", "");
    refused(tempdir_path(&dir, "no"), NULL, ERR_MISSING, "no pictures in it");
}

static void no_permission(void **state)
{
    (void)state;
    tempdir_write(&dir, "perm/in/a.jpg", "");
    const char *locked = tempdir_path(&dir, "perm/in");
    assert_int_equal(chmod(dir.path, 0755), 0);
    assert_int_equal(chmod(locked, 0), 0);
    bool root = geteuid() == 0; // who may read everything
    if (root)
        assert_int_equal(seteuid(65534), 0);
    refused(tempdir_path(&dir, "perm"), NULL, ERR_PERM, "perm/in: cannot list");
    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(locked, 0777), 0);
}

static void reference_folders(void **state)
{
    (void)state;
    static const struct {
        const char *folder;
        enum ds_shape shape;
        size_t count;
    } cases[] = {{"ilsvrc", DS_FLAT_VAL, 731},
                 {"ilsvrc/val", DS_FLAT_VAL, 731},
                 {"web", DS_WNID_FOLDERS, 524},
                 {"calib", DS_WNID_FILES, 1000}};
    char path[TEMP_PATH];
    if (!file_is_dir(XLENS_REFERENCE_DIR "/data/ilsvrc")) {
        print_message("SKIPPED: no pictures in %s\n", XLENS_REFERENCE_DIR);
        skip();
    }
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(path, sizeof path, "%s/data/%s", XLENS_REFERENCE_DIR,
                       cases[i].folder);
        struct ds *ds = opened(path, NULL);
        assert_int_equal(ds_shape(ds), cases[i].shape);
        assert_int_equal(ds_count(ds), cases[i].count);
        assert_int_equal(ds_labelled(ds), cases[i].count);
        ds_close(ds);
    }
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
        cmocka_unit_test(flat_val_beside_above_and_below),
        cmocka_unit_test(bare_indices_go_by_number),
        cmocka_unit_test(devkit_ids_on_request),
        cmocka_unit_test(bad_val_label_lines),
        cmocka_unit_test(explicit_val_label),
        cmocka_unit_test(unrelated_val_label_above_is_passed_over),
        cmocka_unit_test(wnid_folders),
        cmocka_unit_test(wnid_folders_by_other_labels),
        cmocka_unit_test(named_folders),
        cmocka_unit_test(numbered_folders_mean_their_number),
        cmocka_unit_test(plain_folders),
        cmocka_unit_test(links_are_followed_and_loops_are_not),
        cmocka_unit_test(nothing_there),
        cmocka_unit_test(no_permission),
        cmocka_unit_test(reference_folders),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

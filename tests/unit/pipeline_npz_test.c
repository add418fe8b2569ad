#include "tests/unit/pipeline_fixture.h"

#include "archive/archive.h"

#include <time.h>

struct told {
    int count;
    char last[1024];
};

static void tell(void *ctx, const char *message)
{
    struct told *told = ctx;
    told->count++;
    (void)snprintf(told->last, sizeof told->last, "%s", message);
}

static struct pipe_npz spec_of(const struct fixture *f, char **target, char **list)
{
    *target = mem_printf("%s/out", f->root);
    *list = mem_printf("%s/out.txt", f->root);
    return (struct pipe_npz){
        .ds = f->ds, .target = *target, .text_path = *list, .threads = 2};
}

static void check_raw(const struct fixture *f, size_t i, const char *npz)
{
    struct arc_array array;
    struct ds_image image;
    char *path = ds_path(f->ds, i);
    assert_int_equal(arc_npz_read(npz, "input_0", 1 << 24, &array, NULL), ERR_OK);
    assert_int_equal(ds_image_open(path, DS_AS_OPENCV, &image, NULL), ERR_OK);
    assert_int_equal(array.dtype, ARC_U1);
    assert_int_equal(array.ndim, 3);
    assert_int_equal(array.shape[1], image.height);
    assert_int_equal(array.shape[2], image.width);
    size_t plane = array.shape[1] * array.shape[2];
    for (size_t p = 0; p < plane; p++)
        for (size_t c = 0; c < 3; c++)
            assert_int_equal(((uint8_t *)array.data)[c * plane + p],
                             image.rgb[3 * p + c]);
    arc_array_release(&array);
    ds_image_release(&image);
    free(path);
}

static void sets_are_written_listed_and_kept(void **state)
{
    struct fixture *f = *state;
    struct told told = {0};
    struct pipe_npz_result result;
    struct err e = {0};
    char *target, *list, line[256];
    struct pipe_npz spec = spec_of(f, &target, &list);
    assert_int_equal(pipe_npz_write(&spec, tell, &told, &result, &e), ERR_OK);
    assert_int_equal(result.written, FIXTURE_GOOD);
    assert_int_equal(result.failed, 1);
    assert_int_equal(told.count, 1);
    assert_non_null(strstr(told.last, "broken.jpg"));
    FILE *in = fopen(list, "r");
    assert_non_null(in);
    for (size_t i = 0; i < FIXTURE_ALL; i++) {
        const char *name = ds_item(f->ds, i)->name; // "cat/00.jpg"
        if (strcmp(name, "cat/broken.jpg") == 0)
            continue;
        assert_non_null(fgets(line, sizeof line, in));
        line[strcspn(line, "\n")] = '\0';
        char *npz = mem_printf("%s/%.6s.npz", target, name);
        assert_string_equal(line, npz);
        check_raw(f, i, npz);
        free(npz);
    }
    assert_null(fgets(line, sizeof line, in));
    (void)fclose(in);
    // Again: whole files are kept, a cut one is written anew.
    char *cut = mem_printf("%s/cat/00.npz", target);
    assert_int_equal(truncate(cut, 1000), 0);
    assert_int_equal(pipe_npz_write(&spec, tell, &told, &result, &e), ERR_OK);
    assert_int_equal(result.kept, FIXTURE_GOOD - 1);
    assert_int_equal(result.written, 1);
    check_raw(f, 0, cut);
    spec.force = true;
    assert_int_equal(pipe_npz_write(&spec, tell, &told, &result, &e), ERR_OK);
    assert_int_equal(result.written, FIXTURE_GOOD);
    free(cut);
    free(target);
    free(list);
}

static void prepared_sets_hold_the_networks_input(void **state)
{
    struct fixture *f = *state;
    struct told told = {0};
    struct pipe_npz_result result;
    struct arc_array array;
    struct err e = {0};
    char *target, *list;
    struct pipe_npz spec = spec_of(f, &target, &list);
    spec.prep = &f->setup.prep;
    assert_int_equal(pipe_npz_write(&spec, tell, &told, &result, &e), ERR_OK);
    char *npz = mem_printf("%s/cat/02.npz", target);
    assert_int_equal(arc_npz_read(npz, "input_0", 1 << 24, &array, NULL), ERR_OK);
    assert_int_equal(array.dtype, ARC_F4);
    assert_int_equal(array.ndim, 4);
    assert_int_equal(array.shape[0], 1);
    assert_int_equal(array.shape[2], 75);
    // CMYK as Pillow sees it, not OpenCV: as eval does.
    struct ds_image image;
    uint8_t hwc[75 * 75 * 3];
    static float chw[75 * 75 * 3];
    char *path = ds_path(f->ds, 1);
    assert_string_equal(ds_item(f->ds, 1)->name, "cat/02.jpg");
    assert_int_equal(ds_image_open(path, DS_AS_PILLOW, &image, NULL), ERR_OK);
    assert_int_equal(ds_prep_pixels(&f->setup.prep, &image, hwc, NULL), ERR_OK);
    ds_prep_values(&f->setup.prep, hwc, chw);
    assert_memory_equal(array.data, chw, sizeof chw);
    ds_image_release(&image);
    arc_array_release(&array);
    free(path);
    free(npz);
    free(target);
    free(list);
}

static void one_name_for_two_pictures_is_told(void **state)
{
    struct fixture *f = *state;
    struct told told = {0};
    struct pipe_npz_result result;
    struct err e = {0};
    char *target, *list, *set = mem_printf("%s/set", f->root);
    fixture_add(f, "rgb.png", "cat/00.png", SIZE_MAX); // beside 00.jpg
    ds_close(f->ds);
    assert_int_equal(ds_open(set, &(struct ds_opts){0}, &f->ds, &e), ERR_OK);
    struct pipe_npz spec = spec_of(f, &target, &list);
    const size_t subset[] = {0, 1, 2};
    spec.subset = subset;
    spec.subset_count = 3;
    assert_int_equal(pipe_npz_write(&spec, tell, &told, &result, &e), ERR_OK);
    assert_int_equal(result.written, 2);
    assert_int_equal(result.failed, 1);
    assert_non_null(strstr(told.last, "cat/00.png"));
    assert_non_null(strstr(told.last, "cat/00.jpg"));
    free(set);
    free(target);
    free(list);
}

static void it_ends_when_it_cannot_write_or_is_told_to(void **state)
{
    struct fixture *f = *state;
    struct told told = {0};
    struct pipe_npz_result result;
    struct err e = {0};
    char *target, *list;
    atomic_bool cancel = true;
    struct pipe_npz spec = spec_of(f, &target, &list);
    spec.cancel = &cancel;
    assert_int_equal(pipe_npz_write(&spec, tell, &told, &result, &e), ERR_INTERRUPTED);
    assert_false(file_exists(list));
    spec.cancel = NULL;
    (void)tempdir_write(&f->dir, "out", "a file where a folder is wanted");
    assert_int_not_equal(pipe_npz_write(&spec, tell, &told, &result, &e), ERR_OK);
    assert_non_null(strstr(e.msg, target));
    free(target);
    free(list);
}

#define NPZ_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        NPZ_TEST(sets_are_written_listed_and_kept),
        NPZ_TEST(prepared_sets_hold_the_networks_input),
        NPZ_TEST(one_name_for_two_pictures_is_told),
        NPZ_TEST(it_ends_when_it_cannot_write_or_is_told_to),
    };
    // libzip asks for the local time; glibc's first answer, made under a lock that TSan
    // does not see, would count as a race.
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

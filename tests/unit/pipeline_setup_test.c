#include "tests/unit/pipeline_fixture.h"

static enum err_code open_setup(struct pipe_setup_opts opts, struct pipe_setup *setup,
                                struct err *e)
{
    char *model = mem_printf("%s/tiny/keras3_model.keras", XLENS_TEST_DATA);
    opts.model = model;
    enum err_code rc = eng_isa_choose("scalar", &opts.engine.isa, e);
    assert_int_equal(rc, ERR_OK);
    rc = pipe_setup_open(&opts, setup, e);
    free(model);
    return rc;
}

static char *write_names(int n)
{
    char *path = mem_dup("/tmp/xlens-names-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *out = fdopen(fd, "w");
    for (int i = 0; i < n; i++)
        (void)fprintf(out, "name %d, other\n", i);
    (void)fclose(out);
    return path;
}

static void the_source_decides_without_flags(void **state)
{
    struct pipe_setup setup;
    struct err e = {0};
    (void)state;
    assert_int_equal(open_setup((struct pipe_setup_opts){0}, &setup, &e), ERR_OK);
    assert_int_equal(setup.prep.preset, DS_PRESET_KERAS);
    assert_int_equal(setup.prep.height, 75);
    assert_int_equal(setup.prep.width, 75);
    assert_int_equal(labels_count(setup.labels), 10);
    assert_string_equal(labels_words(setup.labels, 3), "class 3");
    pipe_setup_release(&setup);
    pipe_setup_release(&setup); // harmless
}

static void flags_come_first(void **state)
{
    struct pipe_setup setup;
    struct err e = {0};
    char *names = write_names(10);
    (void)state;
    const struct pipe_setup_opts opts = {
        .preprocess = "ppcls-cv2", .height = 96, .width = 128, .label = names};
    assert_int_equal(open_setup(opts, &setup, &e), ERR_OK);
    assert_int_equal(setup.prep.preset, DS_PRESET_PPCLS_CV2);
    assert_int_equal(setup.prep.height, 96);
    assert_int_equal(setup.prep.width, 128);
    assert_string_equal(labels_words(setup.labels, 9), "name 9, other");
    pipe_setup_release(&setup);
    (void)unlink(names);
    free(names);
}

static void another_count_of_names_is_refused(void **state)
{
    struct pipe_setup setup;
    struct err e = {0};
    char *names = write_names(7);
    (void)state;
    const struct pipe_setup_opts opts = {.label = names};
    assert_int_equal(open_setup(opts, &setup, &e), ERR_FORMAT);
    assert_non_null(strstr(e.msg, names));
    assert_non_null(strstr(e.msg, " 7 "));
    assert_non_null(strstr(e.msg, " 10 "));
    (void)unlink(names);
    free(names);
}

static void unknown_presets_are_refused(void **state)
{
    struct pipe_setup setup;
    struct err e = {0};
    (void)state;
    const struct pipe_setup_opts opts = {.preprocess = "inception"};
    assert_int_equal(open_setup(opts, &setup, &e), ERR_USAGE);
    assert_non_null(strstr(e.msg, "inception"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_source_decides_without_flags),
        cmocka_unit_test(flags_come_first),
        cmocka_unit_test(another_count_of_names_is_refused),
        cmocka_unit_test(unknown_presets_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

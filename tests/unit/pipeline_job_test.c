#include "tests/unit/pipeline_fixture.h"

#include "cache/cache.h"

#include "base/clock.h"
#include "base/topk.h"

#include <math.h>
#include <poll.h>

static struct pipe_spec spec_of(const struct fixture *f)
{
    return (struct pipe_spec){
        .setup = &f->setup, .ds = f->ds, .threads = 2, .db = f->db, .shuffle = true};
}

// Runs to the end; rows by item. Strings of rows live until the job is closed.
static struct pipe_job *run_job(const struct pipe_spec *spec, struct row *rows,
                                struct pipe_progress *end)
{
    struct pipe_job *job;
    struct pipe_event events[4];
    struct err e = {0};
    assert_int_equal(pipe_job_start(spec, &job, &e), ERR_OK);
    size_t seen = 0;
    do {
        struct pollfd ready = {pipe_job_fd(job), POLLIN, 0};
        (void)poll(&ready, 1, 1000);
        pipe_job_progress(job, end);
        for (size_t n; (n = pipe_job_take(job, events, 4)) > 0; seen += n)
            for (size_t i = 0; i < n; i++)
                rows[events[i].item] = events[i].row;
    } while (!end->finished);
    pipe_job_wait(job);
    for (size_t n; (n = pipe_job_take(job, events, 4)) > 0; seen += n)
        for (size_t i = 0; i < n; i++)
            rows[events[i].item] = events[i].row;
    pipe_job_progress(job, end);
    assert_int_equal(seen, end->done);
    return job;
}

static void one_bad_picture_is_a_row(void **state)
{
    struct fixture *f = *state;
    struct pipe_spec spec = spec_of(f);
    struct row rows[FIXTURE_ALL] = {0};
    struct pipe_progress end;
    struct pipe_job *job = run_job(&spec, rows, &end);
    assert_int_equal(end.code, ERR_OK);
    assert_int_equal(end.done, FIXTURE_ALL);
    assert_int_equal(end.failed, 1);
    assert_int_equal(end.labelled, FIXTURE_GOOD);
    assert_int_equal(end.from_cache, 0);
    assert_true(end.run > 0);
    for (size_t i = 0; i < FIXTURE_ALL; i++) {
        const struct ds_item *item = ds_item(f->ds, i);
        bool broken = strcmp(item->name, "cat/broken.jpg") == 0;
        assert_string_equal(rows[i].file, item->name);
        assert_int_equal(rows[i].label, item->name[0] == 'c' ? 0 : 1);
        assert_int_equal(rows[i].count, broken ? 0 : ROW_TOPK);
        const char *error = rows[i].error;
        assert_int_equal(error != NULL, broken);
        assert_true(!error || !strstr(error, "broken.jpg"));
    }
    pipe_job_close(job);
}

static void a_second_run_computes_nothing(void **state)
{
    struct fixture *f = *state;
    struct pipe_spec spec = spec_of(f);
    struct row first[FIXTURE_ALL] = {0}, second[FIXTURE_ALL] = {0};
    struct pipe_progress end;
    struct pipe_job *a = run_job(&spec, first, &end), *b;
    int64_t run = end.run;
    b = run_job(&spec, second, &end);
    assert_int_equal(end.from_cache, FIXTURE_ALL);
    assert_int_equal(end.failed, 1);
    assert_int_equal(end.run, run);
    for (size_t i = 0; i < FIXTURE_ALL; i++) {
        assert_int_equal(first[i].count, second[i].count);
        assert_memory_equal(first[i].top, second[i].top, sizeof first[i].top);
        if (first[i].error)
            assert_string_equal(first[i].error, second[i].error);
    }
    pipe_job_close(a);
    pipe_job_close(b);
    spec.force = true;
    a = run_job(&spec, first, &end);
    assert_int_equal(end.from_cache, 0);
    pipe_job_close(a);
}

static void the_run_is_complete_when_all_have_rows(void **state)
{
    struct fixture *f = *state;
    struct pipe_spec spec = spec_of(f);
    struct row rows[FIXTURE_ALL] = {0};
    struct pipe_progress end;
    struct cache *cache;
    struct cache_run run;
    const size_t half[] = {0, 2, 4, 6, 8, 10, 12};
    spec.subset = half;
    spec.subset_count = 7;
    pipe_job_close(run_job(&spec, rows, &end));
    assert_int_equal(end.done, 7);
    assert_int_equal(cache_open(f->db, false, &cache, NULL), ERR_OK);
    assert_int_equal(cache_run_find(cache, NULL, &run, NULL), ERR_OK);
    assert_int_equal(run.state, RUN_PARTIAL);
    assert_int_equal(run.total, FIXTURE_ALL);
    cache_run_release(&run);
    spec.subset = NULL;
    pipe_job_close(run_job(&spec, rows, &end));
    assert_int_equal(end.from_cache, 7);
    assert_int_equal(cache_run_find(cache, NULL, &run, NULL), ERR_OK);
    assert_int_equal(run.state, RUN_COMPLETE);
    assert_int_equal(run.done, FIXTURE_GOOD);
    assert_int_equal(run.failed, 1);
    cache_run_release(&run);
    cache_close(cache);
}

static void a_changed_file_is_run_again_and_a_moved_one_is_not(void **state)
{
    struct fixture *f = *state;
    struct pipe_spec spec = spec_of(f);
    struct row rows[FIXTURE_ALL] = {0};
    struct pipe_progress end;
    pipe_job_close(run_job(&spec, rows, &end));
    // New bytes under an old name, and old bytes under a name whose time is new.
    fixture_add(f, "deep_rgb.png", "cat/00.jpg", SIZE_MAX);
    fixture_add(f, "grey.jpg", "dog/01.jpg", SIZE_MAX);
    pipe_job_close(run_job(&spec, rows, &end));
    assert_int_equal(end.from_cache, FIXTURE_ALL - 1);
    assert_int_equal(end.failed, 1);
}

static void arrays_are_filled_by_position(void **state)
{
    struct fixture *f = *state;
    const struct eng_info *info = eng_model_info(f->setup.model);
    size_t classes = (size_t)info->classes;
    const size_t subset[] = {9, 3, 5, 1};
    float *logits = mem_new(4 * classes * sizeof *logits);
    float *features = mem_new(4 * (size_t)info->features * sizeof *features);
    struct pipe_spec spec = spec_of(f);
    struct row rows[FIXTURE_ALL] = {0};
    struct pipe_progress end;
    spec.subset = subset;
    spec.subset_count = 4;
    spec.logits = logits;
    spec.features = features;
    spec.db = NULL;
    struct pipe_job *job = run_job(&spec, rows, &end);
    assert_int_equal(end.run, 0);
    for (size_t i = 0; i < 4; i++) {
        struct topk best;
        assert_int_equal(topk_softmax(logits + i * classes, (int)classes, 1, &best), 1);
        assert_int_equal(best.index, rows[subset[i]].top[0]);
        assert_true(best.prob == rows[subset[i]].prob[0]);
        float sum = 0;
        for (int c = 0; c < info->features; c++)
            sum += fabsf(features[i * (size_t)info->features + (size_t)c]);
        assert_true(sum > 0);
    }
    pipe_job_close(job);
    free(logits);
    free(features);
}

static void one_picture_or_many_threads_give_the_same_bits(void **state)
{
    struct fixture *f = *state;
    struct row one[FIXTURE_ALL] = {0}, many[FIXTURE_ALL] = {0};
    struct pipe_progress end;
    struct pipe_spec spec = spec_of(f);
    spec.db = NULL;
    spec.threads = 4;
    pipe_job_close(run_job(&spec, many, &end));
    const size_t alone[] = {7};
    spec.subset = alone;
    spec.subset_count = 1;
    pipe_job_close(run_job(&spec, one, &end));
    assert_memory_equal(one[7].prob, many[7].prob, sizeof one[7].prob);
    assert_memory_equal(one[7].top, many[7].top, sizeof one[7].top);
}

static void a_pause_holds_and_a_cancel_keeps_what_is_done(void **state)
{
    struct fixture *f = *state;
    struct pipe_spec spec = spec_of(f);
    struct pipe_progress now;
    struct pipe_job *job;
    struct err e = {0};
    spec.threads = 1;
    assert_int_equal(pipe_job_start(&spec, &job, &e), ERR_OK);
    pipe_job_pause(job, true);
    clock_sleep(0.3); // the picture in hand
    pipe_job_progress(job, &now);
    size_t done = now.done;
    double seconds = now.seconds;
    assert_true(now.paused);
    clock_sleep(0.3);
    pipe_job_progress(job, &now);
    assert_int_equal(now.done, done);
    assert_true(now.seconds == seconds);
    pipe_job_cancel(job);
    pipe_job_wait(job);
    pipe_job_progress(job, &now);
    assert_true(now.finished);
    done = now.done;
    assert_true(done < FIXTURE_ALL);
    assert_int_equal(now.code, ERR_INTERRUPTED);
    pipe_job_close(job);
    struct row rows[FIXTURE_ALL] = {0};
    pipe_job_close(run_job(&spec, rows, &now));
    assert_int_equal(now.from_cache, done);
    assert_int_equal(now.done, FIXTURE_ALL);
}

static void a_paused_job_goes_on(void **state)
{
    struct fixture *f = *state;
    struct pipe_spec spec = spec_of(f);
    struct pipe_progress now;
    struct pipe_job *job;
    struct err e = {0};
    assert_int_equal(pipe_job_start(&spec, &job, &e), ERR_OK);
    pipe_job_pause(job, true);
    clock_sleep(0.05);
    pipe_job_pause(job, false);
    pipe_job_wait(job);
    pipe_job_progress(job, &now);
    assert_int_equal(now.done, FIXTURE_ALL);
    assert_int_equal(now.code, ERR_OK);
    assert_true(now.eta_seconds == 0);
    pipe_job_close(job);
}

static void until_stops_when_the_interval_is_narrow(void **state)
{
    struct fixture *f = *state;
    struct pipe_spec spec = spec_of(f);
    struct row rows[FIXTURE_ALL] = {0};
    struct pipe_progress end;
    spec.until =
        45; // reached by a single answer: its Wilson interval is 79.3 points wide
    spec.threads = 1;
    pipe_job_close(run_job(&spec, rows, &end));
    assert_true(end.until_reached);
    assert_int_equal(end.code, ERR_OK);
    assert_int_equal(end.labelled, 1);
}

static void a_lost_database_ends_the_job(void **state)
{
    struct fixture *f = *state;
    struct pipe_spec spec = spec_of(f);
    struct pipe_job *job;
    struct err e = {0};
    char *nowhere = mem_printf("%s/set/cat/00.jpg/x.db", f->root);
    spec.db = nowhere;
    assert_int_not_equal(pipe_job_start(&spec, &job, &e), ERR_OK);
    assert_null(job);
    assert_non_null(strstr(e.msg, "00.jpg"));
    free(nowhere);
}

static void two_jobs_share_a_database(void **state)
{
    struct fixture *f = *state;
    struct pipe_spec spec = spec_of(f);
    struct pipe_progress a, b;
    struct pipe_job *first, *second;
    struct err e = {0};
    assert_int_equal(pipe_job_start(&spec, &first, &e), ERR_OK);
    assert_int_equal(pipe_job_start(&spec, &second, &e), ERR_OK);
    pipe_job_wait(first);
    pipe_job_wait(second);
    pipe_job_progress(first, &a);
    pipe_job_progress(second, &b);
    assert_int_equal(a.code, ERR_OK);
    assert_int_equal(b.code, ERR_OK);
    assert_int_equal(a.done, FIXTURE_ALL);
    assert_int_equal(b.done, FIXTURE_ALL);
    assert_int_equal(a.run, b.run);
    assert_int_equal(a.top1, b.top1);
    pipe_job_close(first);
    pipe_job_close(second);
}

#define JOB_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        JOB_TEST(one_bad_picture_is_a_row),
        JOB_TEST(a_second_run_computes_nothing),
        JOB_TEST(the_run_is_complete_when_all_have_rows),
        JOB_TEST(a_changed_file_is_run_again_and_a_moved_one_is_not),
        JOB_TEST(arrays_are_filled_by_position),
        JOB_TEST(one_picture_or_many_threads_give_the_same_bits),
        JOB_TEST(a_pause_holds_and_a_cancel_keeps_what_is_done),
        JOB_TEST(a_paused_job_goes_on),
        JOB_TEST(until_stops_when_the_interval_is_narrow),
        JOB_TEST(a_lost_database_ends_the_job),
        JOB_TEST(two_jobs_share_a_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

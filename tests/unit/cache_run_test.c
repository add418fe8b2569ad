#include "cache_fixture.h"

#include "base/clock.h"

#include <signal.h>
#include <sys/wait.h>

enum { UNREADABLE = 7 };

static void put_one(struct cache *cache, int64_t run, int64_t i)
{
    struct err err = {0};
    struct fixture_row r = fixture_row(i);
    if (i != UNREADABLE) {
        OK(fixture_put(cache, run, i, &r, &err));
        return;
    }
    // A file that could not be read has no content.
    r.row = (struct row){.label = 3, .file = r.file, .error = "no permission"};
    OK(cache_run_put(cache, run, i, NULL, &r.row, &err));
}

static void check_one(const struct row *got, int64_t i)
{
    struct fixture_row r = fixture_row(i);
    if (i == UNREADABLE)
        r.row = (struct row){.label = 3, .error = "no permission"};
    assert_string_equal(got->file, r.file);
    assert_int_equal(got->label, r.row.label);
    assert_int_equal(got->count, r.row.count);
    assert_memory_equal(got->top, r.row.top, sizeof(int) * (size_t)got->count);
    assert_memory_equal(got->prob, r.row.prob, sizeof(float) * (size_t)got->count);
    assert_string_equal(got->error ? got->error : "", r.row.error ? r.row.error : "");
    assert_int_equal(!got->error, !r.row.error);
}

static void rows_come_back_as_they_were_put(void **state)
{
    (void)state;
    enum { N = 300 };
    struct fixture f;
    struct err err = {0};
    struct rowset set;
    int64_t *places;
    fixture_init(&f);
    struct cache *cache = fixture_open(&f);
    int64_t variant = fixture_variant(cache, 1), run = fixture_run(cache, variant, N);
    for (int64_t k = 0; k < N; k++)
        put_one(cache, run, k * 77 % N);      // in another order than they lie
    for (int again = 0; again < 2; again++) { // inside the batch, then after reopening
        OK(cache_run_rows(cache, run, &set, &places, &err));
        assert_int_equal(set.count, N);
        for (int64_t i = 0; i < N; i++) {
            assert_int_equal(places[i], i);
            check_one(&set.rows[i], i);
        }
        rowset_release(&set);
        free(places);
        cache_close(cache);
        cache = fixture_open(&f);
    }
    cache_close(cache);
    fixture_check(&f);
    fixture_release(&f);
}

static void counters_follow_replaced_rows(void **state)
{
    (void)state;
    enum { N = 60 };
    struct fixture f;
    struct err err = {0};
    struct cache_run run;
    fixture_init(&f);
    struct cache *cache = fixture_open(&f);
    int64_t id = fixture_run(cache, fixture_variant(cache, 1), N);
    for (int64_t i = 0; i < N; i++) {
        struct fixture_row r = fixture_row(i);
        OK(fixture_put(cache, id, i, &r, &err));
    }
    OK(cache_commit(cache, &err));
    fixture_check(&f);
    assert_int_equal(fixture_sql(&f, "SELECT done FROM run"), 50); // 60 less each sixth
    for (int64_t i = 0; i < N; i += 3) { // places get another picture, label, or error
        struct fixture_row r = fixture_row(i + 5);
        OK(fixture_put(cache, id, i, &r, &err));
    }
    for (int64_t i = 1; i < N; i += 7) { // the same picture says something else now
        struct fixture_row r = fixture_row(i);
        r.row.count = 2;
        r.row.error = NULL;
        r.row.top[0] = r.row.label >= 0 ? r.row.label : 9;
        OK(fixture_put(cache, id, i, &r, &err));
    }
    struct row bad = {.file = "x", .label = 1, .error = "gone"};
    OK(cache_run_put(cache, id, 2, NULL, &bad, &err));
    OK(cache_commit(cache, &err));
    fixture_check(&f);
    OK(cache_run_find(cache, NULL, &run, &err));
    assert_int_equal(run.total, N);
    assert_int_equal(run.done + run.failed, N);
    assert_int_equal(run.state, RUN_PARTIAL);
    cache_run_release(&run);
    OK(cache_run_finish(cache, id, &err));
    OK(cache_run_find(cache, "1", &run, &err));
    assert_int_equal(run.state, RUN_COMPLETE);
    assert_true(run.finished > 0);
    cache_run_release(&run);
    cache_close(cache);
    fixture_release(&f);
}

// Two datasets share pictures; what one run computes anew moves the other's counters.
static void runs_that_share_pictures_agree(void **state)
{
    (void)state;
    struct fixture f;
    struct err err = {0};
    struct rowset set = {0};
    bool found;
    int64_t a, b;
    fixture_init(&f);
    struct cache *cache = fixture_open(&f);
    int64_t variant = fixture_variant(cache, 1);
    OK(cache_run_open(cache, variant, "/a", "first", 30, &a, &err));
    OK(cache_run_open(cache, variant, "/b", "second", 30, &b, &err));
    for (int64_t i = 0; i < 30; i++) {
        struct fixture_row r = fixture_row(i);
        OK(fixture_put(cache, a, i, &r, &err));
        OK(fixture_put(cache, b, 29 - i, &r, &err));
    }
    struct fixture_row r = fixture_row(0);
    r.row.top[0] = 999;
    OK(cache_prediction_put(cache, variant, r.hash, &r.row, &err));
    OK(cache_commit(cache, &err));
    fixture_check(&f);

    // A run takes along what only it needs.
    struct fixture_row own = fixture_row(1000);
    OK(fixture_put(cache, b, 3, &own, &err));
    OK(cache_run_remove(cache, b, &err));
    struct row got;
    OK(cache_prediction_find(cache, variant, own.hash, &set, &got, &found, &err));
    assert_false(found);
    OK(cache_prediction_find(cache, variant, r.hash, &set, &got, &found, &err));
    assert_true(found);
    assert_int_equal(got.top[0], 999);
    OK(cache_run_remove(cache, a, &err));
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM prediction"), 0);
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM run_row"), 0);
    assert_int_equal(cache_run_remove(cache, a, &err), ERR_MISSING);
    assert_int_equal(fixture_put(cache, a, 0, &r, &err), ERR_MISSING);
    rowset_release(&set);
    cache_close(cache);
    fixture_check(&f);
    fixture_release(&f);
}

static void a_run_is_resumed_renamed_and_resized(void **state)
{
    (void)state;
    struct fixture f;
    struct err err = {0};
    struct cache_run run;
    fixture_init(&f);
    struct cache *cache = fixture_open(&f);
    int64_t variant = fixture_variant(cache, 1);
    int64_t id = fixture_run(cache, variant, 40), same;
    for (int64_t i = 0; i < 40; i++) {
        struct fixture_row r = fixture_row(i);
        OK(fixture_put(cache, id, i, &r, &err));
    }
    OK(cache_run_finish(cache, id, &err));
    assert_int_equal(fixture_run(cache, variant, 40), id);
    OK(cache_run_find(cache, NULL, &run, &err));
    assert_int_equal(run.state, RUN_COMPLETE);
    assert_int_equal(strncmp(run.name, "x.keras 2", 9), 0);
    cache_run_release(&run);
    OK(cache_run_open(cache, variant, "/data/val", "mine", 25, &same, &err));
    assert_int_equal(same, id);
    OK(cache_run_find(cache, "mine", &run, &err));
    assert_int_equal(run.total, 25);
    assert_int_equal(run.done + run.failed, 25);
    assert_int_equal(run.state, RUN_PARTIAL);
    cache_run_release(&run);
    assert_int_equal(cache_run_find(cache, "other", &run, &err), ERR_MISSING);
    assert_non_null(strstr(err.msg, "1 \"mine\""));
    cache_close(cache);
    fixture_check(&f);
    fixture_release(&f);
}

static void variants_tell_runs_apart_and_old_ones_are_stale(void **state)
{
    (void)state;
    struct fixture f;
    struct err err = {0};
    struct cache_run *runs;
    struct row got;
    struct rowset set = {0};
    size_t count;
    bool found;
    fixture_init(&f);
    struct cache *cache = fixture_open(&f);
    int64_t old = fixture_variant(cache, 1), new = fixture_variant(cache, 2);
    assert_true(old != new);
    assert_int_equal(fixture_variant(cache, 1), old);
    int64_t first = fixture_run(cache, old, 1), second = fixture_run(cache, new, 1);
    assert_true(first != second);
    struct fixture_row r = fixture_row(0);
    OK(fixture_put(cache, first, 0, &r, &err));
    OK(cache_prediction_find(cache, new, r.hash, &set, &got, &found, &err));
    assert_false(found);
    OK(cache_runs(cache, &runs, &count, &err));
    assert_int_equal(count, 2);
    assert_int_equal(runs[0].id, second); // newest first
    assert_false(runs[0].stale);
    assert_true(runs[1].stale);
    assert_string_equal(runs[1].model_hash, "c0ffee");
    assert_int_equal(runs[1].classes, 1000);
    cache_runs_release(runs, count);
    rowset_release(&set);
    cache_close(cache);
    fixture_release(&f);
}

static void a_run_keeps_its_class_names(void **state)
{
    (void)state;
    static const char *const names = "{\"names\": [\"a\"]}";
    struct fixture f;
    struct err err = {0};
    struct cache_run run;
    fixture_init(&f);
    struct cache *cache = fixture_open(&f);
    int64_t variant = fixture_variant(cache, 1), id = fixture_run(cache, variant, 2);
    OK(cache_run_find(cache, NULL, &run, &err));
    assert_null(run.labels);
    cache_run_release(&run);
    OK(cache_run_labels(cache, id, "{}", &err));
    OK(cache_run_labels(cache, id, names, &err));
    OK(cache_run_labels(cache, id, names, &err));
    cache_close(cache);
    cache = fixture_open(&f);
    OK(cache_run_find(cache, NULL, &run, &err));
    assert_string_equal(run.labels, names);
    cache_run_release(&run);
    cache_close(cache);
    fixture_release(&f);
}

static void files_are_known_by_path_size_and_time(void **state)
{
    (void)state;
    struct fixture f;
    struct err err = {0};
    struct cache_hash hash;
    bool found;
    fixture_init(&f);
    struct cache *cache = fixture_open(&f);
    struct cache_stat st = {123, 456};
    struct cache_hash one = cache_hash_bytes("one", 3), two = cache_hash_bytes("two", 3);
    OK(cache_file_put(cache, "/d/a.jpg", &st, one, &err));
    OK(cache_file_find(cache, "/d/./a.jpg", &st, &hash, &found, &err));
    assert_true(found);
    assert_true(hash.hi == one.hi && hash.lo == one.lo);
    OK(cache_file_find(cache, "/d/b.jpg", &st, &hash, &found, &err));
    assert_false(found);
    st.mtime_ns++;
    OK(cache_file_find(cache, "/d/a.jpg", &st, &hash, &found, &err));
    assert_false(found);
    OK(cache_file_put(cache, "/d/a.jpg", &st, two, &err));
    OK(cache_file_find(cache, "/d/a.jpg", &st, &hash, &found, &err));
    assert_true(found && hash.lo == two.lo);
    cache_close(cache);
    fixture_release(&f);
}

// xxhash.xxh3_128_hexdigest(b"") and (b"abc") of Python's xxhash 4.1.0 (xxHash 0.8.4).
static void hashes_are_xxh3(void **state)
{
    (void)state;
    struct cache_hash empty = cache_hash_bytes("", 0), abc = cache_hash_bytes("abc", 3);
    assert_true(empty.hi == UINT64_C(0x99aa06d3014798d8));
    assert_true(empty.lo == UINT64_C(0x6001c324468d497f));
    assert_true(abc.hi == UINT64_C(0x06b05ab6733a6185));
    assert_true(abc.lo == UINT64_C(0x78af5f94892f3950));
}

// What another process sees before any cache_commit: nothing, then after a second all.
static void a_batch_ends_after_a_second(void **state)
{
    (void)state;
    struct fixture f;
    struct err err = {0};
    fixture_init(&f);
    struct cache *cache = fixture_open(&f);
    int64_t id = fixture_run(cache, fixture_variant(cache, 1), 10);
    struct fixture_row r = fixture_row(0);
    OK(fixture_put(cache, id, 0, &r, &err));
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM run_row"), 0);
    clock_sleep(1.05);
    OK(fixture_put(cache, id, 1, &r, &err));
    assert_int_equal(fixture_sql(&f, "SELECT count(*) FROM run_row"), 2);
    cache_close(cache);
    fixture_release(&f);
}

static void put_half(const struct fixture *f, int64_t run, int64_t first, int64_t n)
{
    struct err err = {0};
    struct cache *cache;
    enum err_code rc = cache_open(f->db, false, &cache, &err);
    double start = clock_now(), now = start, longest = 0.0;
    // Over and over for some seconds, without a pause: the worst neighbour there is. A
    // batch is a second, so nobody should wait much longer than that for his turn.
    for (int64_t i = 0; rc == ERR_OK && (i < n || now - start < 5.0); i++) {
        struct fixture_row r = fixture_row(first + 2 * (i % n));
        double before = now;
        rc = fixture_put(cache, run, first + 2 * (i % n), &r, &err);
        now = clock_now();
        longest = now - before > longest ? now - before : longest;
    }
    if (rc == ERR_OK && longest > 3.0)
        rc = err_set(&err, ERR_BUSY, "a put took %.1f s", longest);
    if (rc != ERR_OK)
        (void)fprintf(stderr, "%s\n", err.msg);
    cache_close(cache);
    _exit(rc != ERR_OK);
}

static void two_writers_share_a_run(void **state)
{
    (void)state;
    enum { N = 4000 };
    struct fixture f;
    struct err err = {0};
    struct cache_run run;
    pid_t pids[2];
    int status;
    fixture_init(&f);
    struct cache *cache = fixture_open(&f);
    int64_t id = fixture_run(cache, fixture_variant(cache, 1), N);
    cache_close(cache);
    for (int i = 0; i < 2; i++)
        if ((pids[i] = fork()) == 0)
            put_half(&f, id, i, N / 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    fixture_check(&f);
    cache = fixture_open(&f);
    OK(cache_run_find(cache, NULL, &run, &err));
    assert_int_equal(run.done + run.failed, N);
    cache_run_release(&run);
    cache_close(cache);
    fixture_release(&f);
}

static void jobs_know_whether_their_process_lives(void **state)
{
    (void)state;
    struct fixture f;
    struct err err = {0};
    struct cache_job *jobs;
    enum cache_job_order order;
    size_t count;
    int64_t mine, gone;
    fixture_init(&f);
    struct cache *cache = fixture_open(&f);
    pid_t pid = fork();
    if (pid == 0)
        pause();
    OK(cache_job_add(cache, "/d", "/m", getpid(), &mine, &err));
    OK(cache_job_add(cache, "/d", "/m", pid, &gone, &err));
    OK(cache_jobs(cache, &jobs, &count, &err));
    assert_int_equal(count, 2);
    assert_int_equal(jobs[0].state, JOB_RUNNING);
    assert_int_equal(jobs[1].state, JOB_RUNNING);
    cache_jobs_release(jobs, count);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    OK(cache_jobs(cache, &jobs, &count, &err));
    assert_int_equal(jobs[0].state, JOB_FAILED);
    assert_non_null(strstr(jobs[0].message, "gone"));
    assert_int_equal(jobs[1].state, JOB_RUNNING);
    cache_jobs_release(jobs, count);

    struct cache_job_report report = {.run = 7, .done = 1, .total = 2};
    OK(cache_job_update(cache, mine, &report, &order, &err));
    assert_int_equal(order, JOB_GO);
    OK(cache_job_order(cache, mine, JOB_PAUSE, &err));
    report.state = JOB_PAUSED;
    report.message = "wait";
    OK(cache_job_update(cache, mine, &report, &order, &err));
    assert_int_equal(order, JOB_PAUSE);
    assert_int_equal(cache_job_order(cache, 99, JOB_STOP, &err), ERR_MISSING);
    assert_int_equal(cache_job_update(cache, 99, &report, &order, &err), ERR_MISSING);
    // Our number, but of a process that began at another time.
    fixture_exec(&f, "UPDATE job SET pid_start = pid_start - 1");
    OK(cache_jobs(cache, &jobs, &count, &err));
    assert_int_equal(jobs[1].run, 7);
    assert_int_equal(jobs[1].done, 1);
    assert_int_equal(jobs[1].state, JOB_FAILED);
    cache_jobs_release(jobs, count);
    cache_close(cache);
    fixture_release(&f);
}

static void texts_outlive_their_blocks(void **state)
{
    (void)state;
    struct rowset set = {0};
    char text[100000];
    const char *kept[300];
    for (int i = 0; i < 300; i++) {
        int n = i % 7 == 3 ? 99000 : i * 10; // now and then longer than a block
        memset(text, 'a' + i % 26, (size_t)n);
        text[n] = '\0';
        assert_non_null(kept[i] = rowset_text(&set, text));
    }
    for (int i = 0; i < 300; i++) {
        size_t n = i % 7 == 3 ? 99000 : (size_t)i * 10;
        assert_int_equal(strlen(kept[i]), n);
        assert_true(n == 0 || kept[i][n - 1] == 'a' + i % 26);
    }
    rowset_release(&set);
    rowset_release(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_back_as_they_were_put),
        cmocka_unit_test(counters_follow_replaced_rows),
        cmocka_unit_test(runs_that_share_pictures_agree),
        cmocka_unit_test(a_run_is_resumed_renamed_and_resized),
        cmocka_unit_test(variants_tell_runs_apart_and_old_ones_are_stale),
        cmocka_unit_test(a_run_keeps_its_class_names),
        cmocka_unit_test(files_are_known_by_path_size_and_time),
        cmocka_unit_test(hashes_are_xxh3),
        cmocka_unit_test(a_batch_ends_after_a_second),
        cmocka_unit_test(two_writers_share_a_run),
        cmocka_unit_test(jobs_know_whether_their_process_lives),
        cmocka_unit_test(texts_outlive_their_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

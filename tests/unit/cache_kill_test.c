// A writer killed with SIGKILL at random moments: the file stays sound, what was
// committed stays, and the counters are those of the rows that are there.

#include "cache_fixture.h"

#include "base/clock.h"

#include <signal.h>
#include <sys/wait.h>

enum { ROUNDS = 20, TOTAL = 1 << 30 };

// Puts rows from `first` on, commits every 50, and tells each commit through the pipe.
static void write_until_killed(const struct fixture *f, int64_t run, int64_t first,
                               int told)
{
    struct err err = {0};
    struct cache *cache;
    enum err_code rc = cache_open(f->db, false, &cache, &err);
    for (int64_t i = first; rc == ERR_OK; i++) {
        // Every third put replaces an earlier row, so counters go down as well as up.
        struct fixture_row r = fixture_row(i), other = fixture_row(i + 1);
        rc = fixture_put(cache, run, i, &r, &err);
        if (rc == ERR_OK && i % 3 == 0)
            rc = fixture_put(cache, run, i / 2, &other, &err);
        if (rc == ERR_OK && i % 50 == 49) {
            int64_t committed = i + 1;
            rc = cache_commit(cache, &err);
            (void)!write(told, &committed, sizeof committed);
        }
    }
    (void)fprintf(stderr, "%s\n", err.msg);
    _exit(1);
}

static void a_killed_writer_loses_no_commit(void **state)
{
    (void)state;
    struct fixture f;
    struct err err = {0};
    int64_t committed = 0;
    fixture_init(&f);
    struct cache *cache = fixture_open(&f);
    int64_t run = fixture_run(cache, fixture_variant(cache, 1), TOTAL);
    cache_close(cache);
    srandom(20261124);
    for (int round = 0; round < ROUNDS; round++) {
        int told[2], status;
        int64_t seen;
        assert_int_equal(pipe(told), 0);
        pid_t pid = fork();
        if (pid == 0) {
            close(told[0]);
            write_until_killed(&f, run, committed, told[1]);
        }
        close(told[1]);
        // From before its first commit to long after it.
        clock_sleep(0.001 + (double)(random() % 1000) / 1000.0 * 0.12);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        while (read(told[0], &seen, sizeof seen) == sizeof seen)
            committed = seen;
        close(told[0]);
        fixture_check(&f);
        char sql[128];
        (void)snprintf(sql, sizeof sql,
                       "SELECT count(*) FROM run_row WHERE key & 4294967295 < %lld",
                       (long long)committed);
        assert_int_equal(fixture_sql(&f, sql), committed);
    }
    assert_true(committed > 1000); // else the rounds were too short to mean anything
    struct rowset set;
    cache = fixture_open(&f);
    OK(cache_run_rows(cache, run, &set, NULL, &err));
    assert_true(set.count >= (size_t)committed);
    rowset_release(&set);
    cache_close(cache);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_writer_loses_no_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

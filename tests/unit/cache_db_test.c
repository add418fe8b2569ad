#include "cache_fixture.h"

#include "base/clock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void write_file(const char *path, const void *data, size_t len)
{
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(data, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}

static enum err_code open_rc(const char *path, bool create, struct err *e)
{
    struct cache *cache;
    enum err_code rc = cache_open(path, create, &cache, e);
    assert_true((rc == ERR_OK) == (cache != NULL));
    cache_close(cache);
    return rc;
}

static void a_missing_file_is_made_only_when_asked(void **state)
{
    (void)state;
    struct fixture f;
    struct err err = {0};
    char deep[128];
    fixture_init(&f);
    assert_int_equal(open_rc(f.db, false, &err), ERR_MISSING);
    assert_non_null(strstr(err.msg, f.db));
    assert_false(file_exists(f.db));
    (void)snprintf(deep, sizeof deep, "%s/a/b/x.db", f.dir);
    assert_int_equal(open_rc(deep, true, &err), ERR_OK);
    assert_int_equal(open_rc(deep, false, &err), ERR_OK);
    assert_int_equal(unlink(deep), 0);
    (void)snprintf(deep, sizeof deep, "%s/a/b", f.dir);
    assert_int_equal(open_rc(deep, true, &err), ERR_FORMAT); // a folder
    assert_int_equal(rmdir(deep), 0);
    (void)snprintf(deep, sizeof deep, "%s/a", f.dir);
    assert_int_equal(rmdir(deep), 0);
    fixture_release(&f);
}

static void an_empty_file_becomes_a_database(void **state)
{
    (void)state;
    struct fixture f;
    struct err err = {0};
    fixture_init(&f);
    write_file(f.db, "", 0);
    assert_int_equal(open_rc(f.db, true, &err), ERR_OK);
    assert_int_equal(fixture_sql(&f, "PRAGMA user_version"), 2);
    assert_int_equal(fixture_sql(&f, "SELECT journal_mode = 'wal' "
                                     "FROM pragma_journal_mode"),
                     1);
    fixture_release(&f);
}

static void other_files_are_refused_and_left_alone(void **state)
{
    (void)state;
    struct fixture f;
    struct err err = {0};
    char text[2000];
    memset(text, 'x', sizeof text);
    fixture_init(&f);
    write_file(f.db, text, sizeof text);
    assert_int_equal(open_rc(f.db, true, &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, "not a SQLite database"));
    assert_int_equal(unlink(f.db), 0);

    fixture_exec(&f, "CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)");
    assert_int_equal(open_rc(f.db, true, &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, "another program"));
    assert_int_equal(fixture_sql(&f, "SELECT journal_mode = 'delete' "
                                     "FROM pragma_journal_mode"),
                     1);
    fixture_release(&f);
}

static void a_newer_version_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    struct err err = {0};
    fixture_init(&f);
    assert_int_equal(open_rc(f.db, true, &err), ERR_OK);
    fixture_exec(&f, "PRAGMA user_version = 3");
    assert_int_equal(open_rc(f.db, true, &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, "newer xlens"));
    fixture_release(&f);
}

// Every page but the first overwritten.
static void overwrite(const char *path)
{
    struct stat st;
    char junk[4096];
    memset(junk, 0xa5, sizeof junk);
    assert_int_equal(stat(path, &st), 0);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    for (off_t at = 4096; at < st.st_size; at += 4096)
        assert_int_equal(pwrite(fd, junk, sizeof junk, at), sizeof junk);
    close(fd);
}

static void a_damaged_file_is_an_error(void **state)
{
    (void)state;
    struct fixture f;
    struct err err = {0};
    struct rowset set;
    fixture_init(&f);
    struct cache *cache = fixture_open(&f);
    int64_t run = fixture_run(cache, fixture_variant(cache, 1), 500);
    for (int64_t i = 0; i < 500; i++) {
        struct fixture_row r = fixture_row(i);
        OK(fixture_put(cache, run, i, &r, &err));
    }
    cache_close(cache);
    overwrite(f.db);
    OK(cache_open(f.db, false, &cache, &err));
    assert_int_equal(cache_run_rows(cache, run, &set, NULL, &err), ERR_FORMAT);
    assert_non_null(strstr(err.msg, "damaged"));
    assert_null(set.rows);
    cache_close(cache);
    fixture_release(&f);
}

static void a_missing_table_is_an_error(void **state)
{
    (void)state;
    struct fixture f;
    struct err err = {0};
    struct cache_job *jobs;
    size_t count;
    fixture_init(&f);
    assert_int_equal(open_rc(f.db, true, &err), ERR_OK);
    fixture_exec(&f, "DROP TABLE job");
    struct cache *cache = fixture_open(&f);
    assert_int_equal(cache_jobs(cache, &jobs, &count, &err), ERR_FORMAT);
    cache_close(cache);
    fixture_release(&f);
}

// Values that no xlens writes: a blob of a wrong length, a negative class, a NaN.
static void hostile_predictions_are_refused(void **state)
{
    (void)state;
    static const char *const blobs[] = {"x'00'", "zeroblob(48)", "x'ffffffff00000000'",
                                        "x'010000000000c07f'", "x'0100000000000040'"};
    struct err err = {0};
    for (size_t i = 0; i < sizeof blobs / sizeof *blobs; i++) {
        struct fixture f;
        struct rowset set;
        char sql[128];
        fixture_init(&f);
        struct cache *cache = fixture_open(&f);
        int64_t run = fixture_run(cache, fixture_variant(cache, 1), 1);
        struct fixture_row r = fixture_row(0);
        OK(fixture_put(cache, run, 0, &r, &err));
        OK(cache_commit(cache, &err));
        (void)snprintf(sql, sizeof sql, "UPDATE prediction SET top = %s", blobs[i]);
        fixture_exec(&f, sql);
        assert_int_equal(cache_run_rows(cache, run, &set, NULL, &err), ERR_FORMAT);
        cache_close(cache);
        fixture_release(&f);
    }
}

static void a_read_only_file_is_no_permission(void **state)
{
    (void)state;
    struct fixture f;
    struct err err = {0};
    int status;
    fixture_init(&f);
    struct cache *cache = fixture_open(&f);
    cache_close(cache);
    assert_int_equal(chmod(f.dir, 0755), 0);
    assert_int_equal(chmod(f.db, 0444), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) { // root may write anything, so as nobody
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(9);
        enum err_code rc = cache_open(f.db, true, &cache, &err);
        int64_t id;
        struct cache_variant variant = {"a", "b", "c", 1, "d", "e", 2, "f"};
        if (rc == ERR_OK)
            rc = cache_variant_id(cache, &variant, &id, &err);
        _exit(rc == ERR_PERM ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    fixture_release(&f);
}

// A database of version 1, which had no cells: they are made from its rows.
static void an_older_version_is_migrated(void **state)
{
    (void)state;
    struct fixture f;
    struct err err = {0};
    fixture_init(&f);
    struct cache *cache = fixture_open(&f);
    int64_t run = fixture_run(cache, fixture_variant(cache, 1), 300);
    for (int64_t i = 0; i < 300; i++) {
        struct fixture_row r = fixture_row(i);
        OK(fixture_put(cache, run, i, &r, &err));
    }
    cache_close(cache);
    fixture_exec(&f, "DROP TABLE run_cell; DROP TABLE source;"
                     "ALTER TABLE run DROP COLUMN host; PRAGMA user_version = 1");
    assert_int_equal(open_rc(f.db, false, &err), ERR_OK);
    assert_int_equal(fixture_sql(&f, "PRAGMA user_version"), 2);
    assert_int_equal(fixture_sql(&f, "SELECT sum(count) FROM run_cell"), 300);
    fixture_check(&f);
    fixture_release(&f);
}

// A writer that holds the lock past the time-out.
static void a_locked_database_says_so(void **state)
{
    (void)state;
    struct fixture f;
    struct err err = {0};
    sqlite3 *other = NULL;
    fixture_init(&f);
    assert_int_equal(setenv("XLENS_BUSY_MS", "400", 1), 0);
    struct cache *cache = fixture_open(&f);
    int64_t variant = fixture_variant(cache, 1);
    assert_int_equal(sqlite3_open(f.db, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    struct fixture_row r = fixture_row(0);
    double start = clock_now();
    assert_int_equal(cache_prediction_put(cache, variant, r.hash, &r.row, &err),
                     ERR_BUSY);
    assert_true(clock_now() - start > 0.4 && clock_now() - start < 5.0);
    assert_non_null(strstr(err.msg, "locked by another process"));
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    OK(cache_prediction_put(cache, variant, r.hash, &r.row, &err));
    cache_close(cache);
    static const char *const wrong[] = {"soon", "-1", "", "3600001", "5s"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(setenv("XLENS_BUSY_MS", wrong[i], 1), 0);
        assert_int_equal(open_rc(f.db, false, &err), ERR_USAGE);
        assert_non_null(strstr(err.msg, "XLENS_BUSY_MS"));
    }
    assert_int_equal(unsetenv("XLENS_BUSY_MS"), 0);
    fixture_release(&f);
}

// What is held is one transaction, which ends by commit only.
static void what_is_held_can_be_undone(void **state)
{
    (void)state;
    struct fixture f;
    struct err err = {0};
    static const char count[] = "SELECT (SELECT count(*) FROM run) * 1000 + "
                                "(SELECT count(*) FROM run_row)";
    fixture_init(&f);
    struct cache *cache = fixture_open(&f);
    for (int way = 0; way < 3; way++) {
        OK(cache_hold(cache, &err));
        int64_t run = fixture_run(cache, fixture_variant(cache, 1), 10);
        for (int64_t i = 0; i < 10; i++) {
            struct fixture_row r = fixture_row(i);
            OK(fixture_put(cache, run, i, &r, &err));
        }
        assert_int_equal(fixture_sql(&f, count), 0); // seen by no other yet
        if (way == 0)
            cache_undo(cache);
        if (way == 2)
            OK(cache_commit(cache, &err));
        cache_close(cache);
        assert_int_equal(fixture_sql(&f, count), way == 2 ? 1010 : 0);
        cache = fixture_open(&f);
    }
    cache_close(cache);
    fixture_check(&f);
    fixture_release(&f);
}

// Eight processes create one database at the same moment.
static void creating_at_once_is_fine(void **state)
{
    (void)state;
    enum { PROCESSES = 8 };
    for (int round = 0; round < 10; round++) {
        struct fixture f;
        pid_t pids[PROCESSES];
        int gate[2], status;
        fixture_init(&f);
        assert_int_equal(pipe(gate), 0);
        for (int i = 0; i < PROCESSES; i++) {
            pids[i] = fork();
            if (pids[i] == 0) {
                char c;
                struct err err = {0};
                close(gate[1]);
                (void)!read(gate[0], &c, 1); // until the gate is closed
                struct cache *cache;
                enum err_code rc = cache_open(f.db, true, &cache, &err);
                if (rc != ERR_OK)
                    (void)fprintf(stderr, "%s\n", err.msg);
                cache_close(cache);
                _exit(rc != ERR_OK);
            }
        }
        close(gate[0]);
        close(gate[1]);
        for (int i = 0; i < PROCESSES; i++) {
            assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
        fixture_check(&f);
        fixture_release(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_file_is_made_only_when_asked),
        cmocka_unit_test(an_empty_file_becomes_a_database),
        cmocka_unit_test(other_files_are_refused_and_left_alone),
        cmocka_unit_test(a_newer_version_is_refused),
        cmocka_unit_test(a_damaged_file_is_an_error),
        cmocka_unit_test(a_missing_table_is_an_error),
        cmocka_unit_test(hostile_predictions_are_refused),
        cmocka_unit_test(a_read_only_file_is_no_permission),
        cmocka_unit_test(an_older_version_is_migrated),
        cmocka_unit_test(a_locked_database_says_so),
        cmocka_unit_test(what_is_held_can_be_undone),
        cmocka_unit_test(creating_at_once_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// SQLite's memory and its file system fail at the Nth call, once or from then on. After
// each failure: no crash, an error with a message, and a sound database whose counters
// are those of its rows.

#include "../unit/cache_fixture.h"

// ---- what fails, and when ----

enum fault { FAULT_NONE, FAULT_MALLOC, FAULT_WRITE, FAULT_FULL, FAULT_SYNC, FAULT_READ };

static struct {
    enum fault fault;
    long countdown; // calls until the failure
    bool lasting;   // every later call fails, too
    bool hit;
} plan;

static bool fails(enum fault fault)
{
    if (plan.fault != fault)
        return false;
    bool now = plan.countdown == 0 || (plan.lasting && plan.countdown < 0);
    plan.countdown--;
    plan.hit |= now;
    return now;
}

// ---- memory ----

static sqlite3_mem_methods real_memory;

static void *faulty_malloc(int n)
{
    return fails(FAULT_MALLOC) ? NULL : real_memory.xMalloc(n);
}

static void *faulty_realloc(void *p, int n)
{
    return fails(FAULT_MALLOC) ? NULL : real_memory.xRealloc(p, n);
}

// ---- files: the default system's methods, some of them replaced ----

// SQLite has one set of methods for databases and another for logs and journals.
struct shim {
    sqlite3_io_methods io; // first: file->pMethods points to it
    const sqlite3_io_methods *real;
};
static struct shim shims[4];
static sqlite3_vfs vfs;

static const sqlite3_io_methods *real_of(const sqlite3_file *file)
{
    return ((const struct shim *)file->pMethods)->real;
}

static int faulty_read(sqlite3_file *file, void *data, int n, sqlite3_int64 at)
{
    return fails(FAULT_READ) ? SQLITE_IOERR_READ
                             : real_of(file)->xRead(file, data, n, at);
}

static int faulty_write(sqlite3_file *file, const void *data, int n, sqlite3_int64 at)
{
    if (fails(FAULT_FULL))
        return SQLITE_FULL;
    if (!fails(FAULT_WRITE))
        return real_of(file)->xWrite(file, data, n, at);
    (void)!real_of(file)->xWrite(file, data, n / 2, at); // torn, as on a dying disk
    return SQLITE_IOERR_WRITE;
}

// Power never fails here, so nothing waits for the disk.
static int faulty_sync(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    return fails(FAULT_SYNC) ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int open_file(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags,
                     int *out)
{
    sqlite3_vfs *real = self->pAppData;
    int rc = real->xOpen(real, name, file, flags, out);
    if (rc != SQLITE_OK || !file->pMethods)
        return rc;
    struct shim *shim = shims;
    while (shim->real && shim->real != file->pMethods)
        shim++;
    shim->real = file->pMethods;
    shim->io = *file->pMethods;
    shim->io.xRead = faulty_read;
    shim->io.xWrite = faulty_write;
    shim->io.xSync = faulty_sync;
    file->pMethods = &shim->io;
    return rc;
}

static int install(void **state)
{
    (void)state;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory), SQLITE_OK);
    sqlite3_mem_methods memory = real_memory;
    memory.xMalloc = faulty_malloc;
    memory.xRealloc = faulty_realloc;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &memory), SQLITE_OK);
    assert_int_equal(sqlite3_initialize(), SQLITE_OK);
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    vfs = *real;
    vfs.zName = "faulty";
    vfs.pAppData = real;
    vfs.xOpen = open_file;
    assert_int_equal(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
    return 0;
}

// ---- the work ----

enum { ROWS = 24 };

struct job {
    struct cache *cache;
    int64_t variant, run, job;
};

static enum err_code begin(struct job *job, struct err *e)
{
    static const struct cache_variant variant = {"c0ffee", "keras-299",  "float32",
                                                 1,        "/m/x.keras", "keras_xception",
                                                 1000,     "avx2"};
    enum err_code rc = cache_variant_id(job->cache, &variant, &job->variant, e);
    if (rc == ERR_OK)
        rc = cache_run_open(job->cache, job->variant, "/data/val", NULL, ROWS, &job->run,
                            e);
    if (rc == ERR_OK)
        rc = cache_job_add(job->cache, "/data/val", "/m/x.keras", getpid(), &job->job, e);
    return rc;
}

static enum err_code put(struct job *job, int64_t i, struct err *e)
{
    struct fixture_row r = fixture_row(i);
    struct cache_stat st = {i, i};
    enum err_code rc = cache_file_put(job->cache, r.file, &st, r.hash, e);
    if (rc == ERR_OK)
        rc = cache_prediction_put(job->cache, job->variant, r.hash, &r.row, e);
    if (rc == ERR_OK)
        rc = fixture_put(job->cache, job->run, i, &r, e);
    if (rc == ERR_OK && i % 4 == 3) {
        r.row.label = 0; // replaced, in the same batch
        rc = fixture_put(job->cache, job->run, i, &r, e);
    }
    return rc;
}

static enum err_code tell(struct job *job, int64_t done, struct err *e)
{
    enum cache_job_order order;
    struct cache_job_report report = {job->run, done, ROWS, JOB_RUNNING, "x"};
    enum err_code rc = cache_commit(job->cache, e);
    return rc == ERR_OK ? cache_job_update(job->cache, job->job, &report, &order, e) : rc;
}

static enum err_code read_all(struct job *job, struct err *e)
{
    struct rowset set = {0};
    struct cache_run *runs = NULL;
    struct cache_job *jobs = NULL;
    size_t run_count = 0, job_count = 0;
    enum err_code rc = cache_run_rows(job->cache, job->run, &set, NULL, e);
    if (rc == ERR_OK)
        rc = cache_runs(job->cache, &runs, &run_count, e);
    if (rc == ERR_OK)
        rc = cache_jobs(job->cache, &jobs, &job_count, e);
    if (rc == ERR_OK) {
        assert_int_equal(set.count, ROWS);
        assert_true(run_count >= 1 && job_count >= 1);
    }
    rowset_release(&set);
    cache_runs_release(runs, run_count);
    cache_jobs_release(jobs, job_count);
    return rc;
}

static enum err_code remove_one(struct job *job, struct err *e)
{
    int64_t run;
    enum err_code rc =
        cache_run_open(job->cache, job->variant, "/other", "second", 2, &run, e);
    return rc == ERR_OK ? cache_run_remove(job->cache, run, e) : rc;
}

static enum err_code work(const struct fixture *f, struct err *e)
{
    struct job job = {0};
    enum err_code rc = cache_open(f->db, true, &job.cache, e);
    if (rc == ERR_OK)
        rc = begin(&job, e);
    for (int64_t i = 0; rc == ERR_OK && i < ROWS; i++) {
        rc = put(&job, i, e);
        if (rc == ERR_OK && i % 8 == 7)
            rc = tell(&job, i + 1, e);
    }
    if (rc == ERR_OK)
        rc = cache_run_finish(job.cache, job.run, e);
    if (rc == ERR_OK)
        rc = read_all(&job, e);
    if (rc == ERR_OK)
        rc = remove_one(&job, e);
    cache_close(job.cache);
    return rc;
}

// Fails call number 0, step, 2 step … until the work gets through untouched.
static void fail_every(enum fault fault, bool lasting, long step)
{
    long failures = 0;
    for (long n = 0;; n += step) {
        struct fixture f;
        struct err err = {0};
        fixture_init(&f);
        plan.fault = fault;
        plan.countdown = n;
        plan.lasting = lasting;
        plan.hit = false;
        enum err_code rc = work(&f, &err);
        bool hit = plan.hit;
        plan.fault = FAULT_NONE;
        if (rc != ERR_OK) {
            failures++;
            assert_true(hit);
            assert_non_null(strstr(err.msg, f.db));
            if (err_exit_status(rc) != 4 && rc != ERR_FORMAT)
                fail_msg("call %ld: %d: %s", n, (int)rc, err.msg);
            if (fault == FAULT_MALLOC)
                assert_int_equal(rc, ERR_NOMEM);
            if (fault == FAULT_FULL)
                assert_int_equal(rc, ERR_NO_SPACE);
        }
        // It opens again, what is there is sound, and the work can be done over it.
        assert_int_equal(work(&f, &err), ERR_OK);
        fixture_check(&f);
        fixture_release(&f);
        if (!hit)
            break;
    }
    assert_true(failures > 0);
    print_message("%ld failures\n", failures);
}

static void memory_fails_once(void **state)
{
    (void)state;
    fail_every(FAULT_MALLOC, false, 13); // some 4000 calls; their order shifts with N
}

static void memory_stays_out(void **state)
{
    (void)state;
    fail_every(FAULT_MALLOC, true, 61);
}

static void a_write_fails(void **state)
{
    (void)state;
    fail_every(FAULT_WRITE, false, 1);
    fail_every(FAULT_WRITE, true, 1);
}

static void the_disk_is_full(void **state)
{
    (void)state;
    fail_every(FAULT_FULL, false, 1);
    fail_every(FAULT_FULL, true, 1);
}

static void a_sync_fails(void **state)
{
    (void)state;
    fail_every(FAULT_SYNC, false, 1);
}

static void a_read_fails(void **state)
{
    (void)state;
    fail_every(FAULT_READ, false, 1);
    fail_every(FAULT_READ, true, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_fails_once), cmocka_unit_test(memory_stays_out),
        cmocka_unit_test(a_write_fails),     cmocka_unit_test(the_disk_is_full),
        cmocka_unit_test(a_sync_fails),      cmocka_unit_test(a_read_fails),
    };
    return cmocka_run_group_tests(tests, install, NULL);
}

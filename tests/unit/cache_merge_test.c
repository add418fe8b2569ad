#include "cache_fixture.h"

#include "cache/merge.h"

#include <sys/stat.h>

enum { N = 200, SHARDS = 3 };

// Shard `part` of the run, as eval --shard makes it: all places, some of the rows.
static void make_shard(const struct fixture *f, int part, int64_t total)
{
    struct err err = {0};
    struct cache *cache = fixture_open(f);
    int64_t variant = fixture_variant(cache, 1), run;
    OK(cache_run_open(cache, variant, "/data/val", "val", total, &run, &err));
    for (int64_t k = 0; k < N; k++) {
        int64_t i = k * 77 % N; // in another order than they lie
        struct fixture_row r = fixture_row(i);
        struct cache_stat stat = {.size = i, .mtime_ns = 5};
        if (part < SHARDS && i % SHARDS != part)
            continue;
        OK(cache_file_put(cache, r.file, &stat, r.hash, &err));
        OK(fixture_put(cache, run, i, &r, &err));
    }
    OK(cache_run_finish(cache, run, &err));
    cache_close(cache);
}

static void dump(const char *db, const char *sql, char *out, size_t size)
{
    sqlite3 *c = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open(db, &c), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(c, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    const char *text = (const char *)sqlite3_column_text(stmt, 0);
    (void)snprintf(out, size, "%s", text ? text : "");
    sqlite3_finalize(stmt);
    sqlite3_close(c);
}

// Rows with their predictions and files, without ids.
static const char rows_sql[] =
    "SELECT group_concat(line, char(10)) FROM (SELECT printf('%d %d %s %s %s %s', "
    "r.key & 4294967295, r.label, r.file, hex(p.top), p.error, (SELECT group_concat("
    "f.size) FROM file f WHERE f.picture = r.picture)) AS line FROM run u JOIN run_row r "
    "ON r.key >> 32 = u.id LEFT JOIN prediction p ON p.key = (u.variant << 32 | "
    "r.picture) ORDER BY r.key)";
static const char cells_sql[] =
    "SELECT group_concat(line, char(10)) FROM (SELECT printf('%d %d %d %d %d %d', truth, "
    "predicted, bin, count, top5, confidence) AS line FROM run_cell WHERE count > 0 "
    "ORDER "
    "BY truth, predicted, bin) UNION ALL SELECT 1 ORDER BY 1 DESC LIMIT 1";

static char text_a[1 << 16], text_b[1 << 16];

static void assert_same(const char *a, const char *b, const char *sql)
{
    dump(a, sql, text_a, sizeof text_a);
    dump(b, sql, text_b, sizeof text_b);
    assert_string_equal(text_a, text_b);
    assert_true(strlen(text_a) > 200);
}

static void shards_make_the_whole(void **state)
{
    (void)state;
    struct fixture whole, shards[SHARDS], out;
    struct err err = {0};
    const char *paths[SHARDS];
    struct cache_merged result;
    fixture_init(&whole);
    fixture_init(&out);
    make_shard(&whole, SHARDS, N);
    for (int i = 0; i < SHARDS; i++) {
        fixture_init(&shards[i]);
        make_shard(&shards[i], i, N);
        paths[i] = shards[i].db;
    }
    // A new file; then the same again, which changes nothing; then one by one.
    struct cache_merge merge = {.out = out.db, .shards = paths, .count = SHARDS};
    OK(cache_merge(&merge, &result, &err));
    assert_int_equal(result.runs, 1);
    assert_int_equal(result.rows, N);
    assert_int_equal(result.added, N);
    for (int round = 0; round < 2; round++) {
        fixture_check(&out);
        assert_same(whole.db, out.db, rows_sql);
        assert_same(whole.db, out.db, cells_sql);
        assert_int_equal(fixture_sql(&out, "SELECT state FROM run"), 1);
        assert_int_equal(fixture_sql(&out, "SELECT count(*) FROM source"), SHARDS);
        assert_int_equal(fixture_sql(&out, "SELECT sum(rows) FROM source"), N);
        assert_int_equal(fixture_sql(&out, "SELECT count(*) FROM picture"), N);
        OK(cache_merge(&merge, &result, &err));
        assert_int_equal(result.added + result.runs + result.pictures, 0);
    }
    fixture_release(&out);
    fixture_init(&out);
    for (int i = 0; i < SHARDS; i++) {
        struct cache_merge one = {.out = out.db, .shards = paths + i, .count = 1};
        OK(cache_merge(&one, &result, &err));
    }
    fixture_check(&out);
    assert_same(whole.db, out.db, rows_sql);
    assert_same(whole.db, out.db, cells_sql);
    // What was merged brings its sources along.
    struct fixture again;
    fixture_init(&again);
    const char *merged[] = {out.db};
    OK(cache_merge(&(struct cache_merge){.out = again.db, .shards = merged, .count = 1},
                   &result, &err));
    assert_int_equal(fixture_sql(&again, "SELECT count(*) FROM source"), SHARDS);
    fixture_release(&again);
    fixture_release(&out);
    fixture_release(&whole);
    for (int i = 0; i < SHARDS; i++)
        fixture_release(&shards[i]);
}

// What a shard could not read or decode, another one may have.
static void failures_are_made_good(void **state)
{
    (void)state;
    struct fixture a, b, out;
    struct err err = {0};
    struct cache_merged result;
    fixture_init(&a);
    fixture_init(&b);
    fixture_init(&out);
    struct cache *cache = fixture_open(&a);
    int64_t run = fixture_run(cache, fixture_variant(cache, 1), 3);
    for (int64_t i = 0; i < 3; i++) {
        struct fixture_row r = fixture_row(i);
        r.row.count = 0;
        r.row.error = "no permission";
        if (i == 1) {
            OK(fixture_put(cache, run, i, &r, &err)); // read, but not decoded
        } else {
            r.row.file = r.file;
            OK(cache_run_put(cache, run, i, NULL, &r.row, &err));
        }
    }
    cache_close(cache);
    cache = fixture_open(&b);
    run = fixture_run(cache, fixture_variant(cache, 1), 3);
    for (int64_t i = 0; i < 2; i++) {
        struct fixture_row r = fixture_row(i);
        OK(fixture_put(cache, run, i, &r, &err));
    }
    cache_close(cache);
    const char *both[] = {a.db, b.db};
    OK(cache_merge(&(struct cache_merge){.out = out.db, .shards = both, .count = 2},
                   &result, &err));
    fixture_check(&out);
    assert_int_equal(fixture_sql(&out, "SELECT done * 10 + failed FROM run"), 21);
    // And nothing is lost the other way round.
    OK(cache_merge(
        &(struct cache_merge){.out = b.db, .shards = (const char *[]){a.db}, .count = 1},
        &result, &err));
    fixture_check(&b);
    assert_int_equal(fixture_sql(&b, "SELECT done * 10 + failed FROM run"), 21);
    fixture_release(&a);
    fixture_release(&b);
    fixture_release(&out);
}

static void merge_fails(const char *out, const char *shard, bool mixed,
                        enum err_code code, const char *says)
{
    struct err err = {0};
    struct cache_merged result;
    const char *shards[] = {shard};
    assert_int_equal(cache_merge(
                         &(struct cache_merge){
                             .out = out, .shards = shards, .count = 1, .mixed = mixed},
                         &result, &err),
                     code);
    if (!strstr(err.msg, says))
        fail_msg("%s: expected \"%s\"", err.msg, says);
}

struct told {
    char log[160]; // of the new database
    size_t total;
};

static void tell(void *ctx, size_t done, size_t total)
{
    struct told *told = ctx;
    assert_true(done <= total);
    assert_false(file_exists(told->log)); // in which each page is looked for
    told->total = total;
}

static void a_merge_that_is_cancelled_leaves_nothing(void **state)
{
    (void)state;
    struct fixture out, in;
    struct err err = {0};
    struct cache_merged result;
    const atomic_bool cancel = true;
    struct told told = {0};
    char path[128];
    fixture_init(&out);
    fixture_init(&in);
    make_shard(&in, 0, N);
    make_shard(&out, 1, N);
    (void)snprintf(path, sizeof path, "%s/new.db", out.dir);
    (void)snprintf(told.log, sizeof told.log, "%s.%ld.tmp-wal", path, (long)getpid());
    struct cache_merge merge = {.out = path,
                                .shards = (const char *[]){in.db},
                                .count = 1,
                                .cancel = &cancel,
                                .progress = {tell, &told}};
    assert_int_equal(cache_merge(&merge, &result, &err), ERR_INTERRUPTED);
    assert_int_equal(told.total, fixture_sql(&in, "SELECT count(*) FROM run_row"));
    merge.out = out.db;
    assert_int_equal(cache_merge(&merge, &result, &err), ERR_INTERRUPTED);
    assert_int_equal(fixture_sql(&out, "SELECT count(*) FROM source"), 0);
    fixture_check(&out);
    fixture_release(&in);
    fixture_release(&out); // which wants nothing but its database in the folder
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct fixture out, in;
    struct err err = {0};
    struct cache_merged result;
    char nowhere[128];
    fixture_init(&out);
    fixture_init(&in);
    make_shard(&out, 0, N);
    (void)snprintf(nowhere, sizeof nowhere, "%s/new.db", out.dir);
    merge_fails(out.db, "/nowhere/x.db", false, ERR_MISSING, "no such database");
    merge_fails(nowhere, "/nowhere/x.db", false, ERR_MISSING, "no such database");
    assert_false(file_exists(nowhere));
    merge_fails(out.db, out.db, false, ERR_USAGE, "merge into");

    make_shard(&in, 1, N + 1);
    merge_fails(out.db, in.db, false, ERR_FORMAT, "201 pictures");
    assert_int_equal(fixture_sql(&out, "SELECT count(*) FROM source"), 0);
    fixture_exec(&in, "UPDATE run SET total = 200; UPDATE run_row SET file = 'other', "
                      "key = key - 1");
    merge_fails(out.db, in.db, false, ERR_FORMAT, "not the same dataset");
    fixture_exec(&in, "UPDATE run_row SET key = key + 1, picture = 999");
    merge_fails(out.db, in.db, false, ERR_FORMAT, "does not hold");
    fixture_exec(&in, "UPDATE picture SET id = 9000000 WHERE id = 1");
    merge_fails(out.db, in.db, false, ERR_FORMAT, "damaged");
    assert_int_equal(fixture_sql(&out, "SELECT count(*) FROM source"), 0);
    fixture_check(&out);

    // Another model; both with --mixed.
    fixture_release(&in);
    fixture_init(&in);
    struct cache *cache = fixture_open(&in);
    int64_t run = fixture_run(cache, fixture_variant(cache, 2), 5);
    struct fixture_row r = fixture_row(1);
    OK(fixture_put(cache, run, 0, &r, &err));
    cache_close(cache);
    merge_fails(out.db, in.db, false, ERR_USAGE, "--mixed");
    const char *shards[] = {in.db};
    OK(cache_merge(
        &(struct cache_merge){.out = out.db, .shards = shards, .count = 1, .mixed = true},
        &result, &err));
    assert_int_equal(fixture_sql(&out, "SELECT count(*) FROM run"), 2);
    fixture_check(&out);

    fixture_exec(&in, "PRAGMA user_version = 99");
    merge_fails(out.db, in.db, true, ERR_FORMAT, "newer xlens");
    fixture_release(&in);
    fixture_release(&out);
}

// ---- rows one by one ----

struct seen {
    struct rowset set;
    const struct rowset *all;
    const int *order; // expected
    size_t count, stop;
};

static enum err_code see(void *ctx, const struct row *row, struct err *e)
{
    struct seen *seen = ctx;
    const struct row *want =
        &seen->all->rows[seen->order ? seen->order[seen->count] : (int)seen->count];
    assert_string_equal(row->file, want->file);
    assert_int_equal(row->label, want->label);
    assert_int_equal(row->count, want->count);
    assert_memory_equal(row->top, want->top, sizeof(int) * (size_t)row->count);
    assert_string_equal(row->error ? row->error : "", want->error ? want->error : "");
    seen->count++;
    return seen->count == seen->stop ? err_set(e, ERR_FAILED, "enough") : ERR_OK;
}

static const struct rowset *sorting;

static int by_file(const void *a, const void *b)
{
    return strcmp(sorting->rows[*(const int *)a].file,
                  sorting->rows[*(const int *)b].file);
}

// More rows than a chunk, in a run whose pictures lie in another order, some of them
// twice.
static void rows_are_walked_in_order(void **state)
{
    (void)state;
    enum { MANY = 140000 };
    struct fixture f;
    struct err err = {0};
    struct rowset all;
    static int order[MANY];
    fixture_init(&f);
    struct cache *cache = fixture_open(&f);
    int64_t variant = fixture_variant(cache, 1), run = fixture_run(cache, variant, MANY);
    for (int64_t k = 0; k < MANY; k++) {
        int64_t i = k * 77773 % MANY;
        struct fixture_row r = fixture_row(i % 120000);
        (void)snprintf(r.file, sizeof r.file, "%06lld.JPEG", (long long)(i ^ 5));
        OK(fixture_put(cache, run, i, &r, &err));
    }
    OK(cache_commit(cache, &err));
    OK(cache_run_rows(cache, run, &all, NULL, &err));
    struct seen seen = {.all = &all};
    OK(cache_run_each(cache, run, CACHE_BY_PLACE, see, &seen, &err));
    assert_int_equal(seen.count, MANY);
    for (int i = 0; i < MANY; i++)
        order[i] = i;
    sorting = &all;
    qsort(order, MANY, sizeof *order, by_file);
    for (int again = 0; again < 2; again++) {
        seen = (struct seen){.all = &all, .order = order};
        OK(cache_run_each(cache, run, CACHE_BY_FILE, see, &seen, &err));
        assert_int_equal(seen.count, MANY);
    }
    seen = (struct seen){.all = &all, .stop = 70000};
    assert_int_equal(cache_run_each(cache, run, CACHE_BY_PLACE, see, &seen, &err),
                     ERR_FAILED);
    assert_int_equal(seen.count, 70000);
    struct fixture_row r = fixture_row(1); // the snapshot is given back
    OK(fixture_put(cache, run, 1, &r, &err));
    OK(cache_commit(cache, &err));
    rowset_release(&all);
    cache_close(cache);
    fixture_check(&f);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_make_the_whole),
        cmocka_unit_test(failures_are_made_good),
        cmocka_unit_test(a_merge_that_is_cancelled_leaves_nothing),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(rows_are_walked_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

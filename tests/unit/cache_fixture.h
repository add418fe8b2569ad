#ifndef TESTS_UNIT_CACHE_FIXTURE_H
#define TESTS_UNIT_CACHE_FIXTURE_H

// What the tests of the cache share: a database in a folder of its own, seen a second
// time through plain SQLite, and rows that follow from a number.

#include "cache/cache.h"

#include "base/err.h"
#include "base/file.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
    char dir[64];
    char db[96];
};

static inline void fixture_init(struct fixture *f)
{
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/xlens-cache-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    memcpy(f->db, f->dir, sizeof f->dir);
    memcpy(f->db + strlen(f->dir), "/x.db", sizeof "/x.db");
}

static inline void fixture_release(struct fixture *f)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char path[128];
    for (int i = 0; i < 4; i++) {
        (void)snprintf(path, sizeof path, "%s%s", f->db, ends[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(f->dir), 0);
}

static inline void fixture_ok(enum err_code rc, const char *call, const struct err *e)
{
    if (rc != ERR_OK)
        fail_msg("%s: %s", call, e->msg);
}

// The call is to succeed; its error goes to the test's `err`.
#define OK(call) fixture_ok((call), #call, &err)

static inline struct cache *fixture_open(const struct fixture *f)
{
    struct err err = {0};
    struct cache *cache;
    OK(cache_open(f->db, true, &cache, &err));
    return cache;
}

static inline int64_t fixture_variant(struct cache *cache, int numeric_version)
{
    struct err err = {0};
    struct cache_variant variant = {
        "c0ffee",     "keras-299",      "float32", numeric_version,
        "/m/x.keras", "keras_xception", 1000,      "avx2"};
    int64_t id = 0;
    OK(cache_variant_id(cache, &variant, &id, &err));
    return id;
}

static inline int64_t fixture_run(struct cache *cache, int64_t variant, int64_t total)
{
    struct err err = {0};
    int64_t id = 0;
    OK(cache_run_open(cache, variant, "/data/val", NULL, total, &id, &err));
    return id;
}

// Row number i: every sixth has an error, every fifth no label, the rest are right at
// rank i % 7 (5 and 6: not among the five).
struct fixture_row {
    struct row row;
    struct cache_hash hash;
    char file[32];
};

static inline struct fixture_row fixture_row(int64_t i)
{
    struct fixture_row r = {.row = {.label = (int)(100 + i % 7), .count = ROW_TOPK}};
    (void)snprintf(r.file, sizeof r.file, "val_%08lld.JPEG", (long long)i);
    r.hash = cache_hash_bytes(&i, sizeof i);
    for (int k = 0; k < ROW_TOPK; k++) {
        r.row.top[k] = 100 + k;
        r.row.prob[k] = 0.5f / (float)(k + 1);
    }
    if (i % 5 == 4)
        r.row.label = -1;
    if (i % 6 == 5) {
        r.row.count = 0;
        r.row.error = "truncated";
    }
    return r;
}

static inline enum err_code fixture_put(struct cache *cache, int64_t run, int64_t place,
                                        struct fixture_row *r, struct err *e)
{
    r->row.file = r->file;
    return cache_run_put(cache, run, place, &r->hash, &r->row, e);
}

// One integer through a connection that is not the cache's.
static inline int64_t fixture_sql(const struct fixture *f, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open(f->db, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int rc = sqlite3_step(stmt);
    int64_t value = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : -1;
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return value;
}

static inline void fixture_exec(const struct fixture *f, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(f->db, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

// The file is sound, and the counters of every run are what its rows say, counted by SQL
// that shares nothing with the code under test.
static inline void fixture_check(const struct fixture *f)
{
    assert_int_equal(fixture_sql(f, "SELECT integrity_check = 'ok' "
                                    "FROM pragma_integrity_check"),
                     1);
    static const char wrong[] =
        "WITH r AS (SELECT key >> 32 AS run, label, picture, error FROM run_row),"
        " p AS (SELECT r.*, t.top, coalesce(r.error, t.error) AS bad, u.id FROM run u"
        "  LEFT JOIN r ON r.run = u.id"
        "  LEFT JOIN prediction t ON t.key = (u.variant << 32 | r.picture)),"
        " c AS (SELECT id,"
        "  sum(coalesce(length(top), 0) > 0) AS done, sum(bad IS NOT NULL) AS failed,"
        "  sum(coalesce(length(top), 0) > 0 AND label >= 0) AS labelled,"
        "  sum(coalesce(length(top), 0) > 0 AND label >= 0 AND hex(substr(top, 1, 4)) ="
        "   printf('%02X%02X0000', label & 255, label >> 8)) AS top1,"
        "  sum(coalesce(length(top), 0) > 0 AND label >= 0 AND EXISTS (SELECT 1 FROM"
        "   (SELECT 1 AS at UNION SELECT 9 UNION SELECT 17 UNION SELECT 25 UNION"
        "    SELECT 33) WHERE hex(substr(top, at, 4)) ="
        "   printf('%02X%02X0000', label & 255, label >> 8))) AS top5 FROM p GROUP BY id)"
        " SELECT count(*) FROM run u JOIN c ON c.id = u.id WHERE"
        " (u.done, u.failed, u.labelled, u.top1, u.top5) IS NOT"
        " (c.done, c.failed, c.labelled, c.top1, c.top5)";
    assert_int_equal(fixture_sql(f, wrong), 0);
    // And the cells: by label, best class and rank; confidences of fixture_row are 1/2.
    static const char cells[] =
        "WITH p AS (SELECT r.key >> 32 AS run, max(label, -1) AS truth,"
        "  CASE WHEN coalesce(length(top), 0) = 0 THEN -1 ELSE 0 END AS done, top"
        "  FROM run u JOIN run_row r ON r.key >> 32 = u.id"
        "  LEFT JOIN prediction t ON t.key = (u.variant << 32 | r.picture)),"
        " a AS (SELECT run, truth, done, count(*) AS n, sum(done = 0 AND truth >= 0 AND "
        "  hex(substr(top, 1, 4)) = printf('%02X%02X0000', truth & 255, truth >> 8))"
        "  AS hits FROM p GROUP BY 1, 2, 3),"
        " c AS (SELECT run, truth, min(predicted, 0) AS done, sum(count) AS n,"
        "  sum((predicted = truth AND truth >= 0) * count) AS hits"
        "  FROM run_cell WHERE count <> 0 GROUP BY 1, 2, 3)"
        " SELECT (SELECT count(*) FROM (SELECT * FROM a EXCEPT SELECT * FROM c)) +"
        "  (SELECT count(*) FROM (SELECT * FROM c EXCEPT SELECT * FROM a)) +"
        "  (SELECT count(*) FROM run u WHERE u.top5 <> (SELECT total(top5) FROM run_cell"
        "   WHERE run = u.id)) + (SELECT count(*) FROM run_cell WHERE count < 0 OR"
        "   (predicted >= 0 AND count > 0 AND (bin <> 7 OR confidence <> count << 37)))";
    assert_int_equal(fixture_sql(f, cells), 0);
}

#endif

#include "base/pool.h"

#include "base/clock.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

enum { MEMBERS = 4, ROUNDS = 200 };

struct shared {
    struct pool *pool;
    int runs[MEMBERS];
    int step[MEMBERS];
    int late; // times a member saw another one behind a barrier that it had passed
};

static void count_runs(void *ctx, int member, int members)
{
    struct shared *s = ctx;
    assert_int_equal(members, MEMBERS);
    s->runs[member]++;
}

static void every_member_runs_each_time(void **state)
{
    (void)state;
    struct shared s = {0};
    assert_int_equal(pool_open(MEMBERS, &s.pool, NULL), ERR_OK);
    assert_int_equal(pool_members(s.pool), MEMBERS);
    for (int i = 0; i < ROUNDS; i++) {
        pool_run(s.pool, count_runs, &s);
        if (i % 50 == 0)
            clock_sleep(0.02); // long enough for the others to fall asleep
        for (int m = 0; m < MEMBERS; m++)
            assert_int_equal(s.runs[m], i + 1);
    }
    pool_close(s.pool);
}

static void walk(void *ctx, int member, int members)
{
    struct shared *s = ctx;
    for (int i = 0; i < ROUNDS; i++) {
        s->step[member] = i + 1;
        pool_barrier(s->pool);
        for (int m = 0; m < members; m++)
            if (s->step[m] != i + 1 && member == 0)
                s->late++;
        pool_barrier(s->pool);
    }
}

static void a_barrier_holds_everyone(void **state)
{
    (void)state;
    struct shared s = {0};
    assert_int_equal(pool_open(MEMBERS, &s.pool, NULL), ERR_OK);
    pool_run(s.pool, walk, &s);
    assert_int_equal(s.late, 0);
    pool_close(s.pool);
}

static void one_member_needs_no_thread(void **state)
{
    (void)state;
    struct shared s = {0};
    assert_int_equal(pool_open(1, &s.pool, NULL), ERR_OK);
    pool_run(s.pool, walk, &s);
    assert_int_equal(s.step[0], ROUNDS);
    pool_close(s.pool);
    pool_close(NULL);
    assert_true(pool_cpus() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_runs_each_time),
        cmocka_unit_test(a_barrier_holds_everyone),
        cmocka_unit_test(one_member_needs_no_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

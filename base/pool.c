#include "base/pool.h"

#include "base/mem.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// A waiter reads its flag this often before it lets others have the CPU: about as long as
// the members of a team differ in one layer. Then it yields, and between runs it sleeps.
enum { SPINS = 4000, YIELDS = 50, CACHE_LINE = 64 };

struct pool {
    int members;
    int started;
    pthread_t *threads;
    pool_fn *fn;
    void *ctx;
    bool quit;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    _Alignas(CACHE_LINE) atomic_uint run; // grows with every pool_run
    _Alignas(CACHE_LINE) atomic_int arrived;
    _Alignas(CACHE_LINE) atomic_uint round; // grows with every full barrier
    _Alignas(CACHE_LINE) atomic_int numbered;
};

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

// True when *counter is no longer `old`; false when patience for spinning ran out.
static bool spin_until_changed(atomic_uint *counter, unsigned old)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(counter, memory_order_acquire) != old)
            return true;
        relax();
    }
    return false;
}

void pool_barrier(struct pool *pool)
{
    if (pool->members == 1)
        return;
    unsigned round = atomic_load_explicit(&pool->round, memory_order_acquire);
    if (atomic_fetch_add_explicit(&pool->arrived, 1, memory_order_acq_rel) ==
        pool->members - 1) {
        atomic_store_explicit(&pool->arrived, 0, memory_order_relaxed);
        atomic_fetch_add_explicit(&pool->round, 1, memory_order_release);
        return;
    }
    while (!spin_until_changed(&pool->round, round))
        sched_yield();
}

static void wait_for_run(struct pool *pool, unsigned seen)
{
    for (int i = 0; i < YIELDS; i++) {
        if (spin_until_changed(&pool->run, seen))
            return;
        sched_yield();
    }
    pthread_mutex_lock(&pool->mutex);
    while (atomic_load_explicit(&pool->run, memory_order_acquire) == seen)
        pthread_cond_wait(&pool->wake, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

static void *member_main(void *arg)
{
    struct pool *pool = arg;
    int member = 1 + atomic_fetch_add(&pool->numbered, 1);
    for (unsigned seen = 0;; seen++) {
        wait_for_run(pool, seen);
        if (pool->quit)
            return NULL;
        pool->fn(pool->ctx, member, pool->members);
        pool_barrier(pool);
    }
}

static void start_run(struct pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add_explicit(&pool->run, 1, memory_order_release);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
}

enum err_code pool_open(int threads, struct pool **out, struct err *e)
{
    struct pool *pool = mem_aligned(CACHE_LINE, sizeof *pool);
    if (!pool)
        return err_set(e, ERR_NOMEM, "thread pool: out of memory");
    memset(pool, 0, sizeof *pool);
    pool->members = threads;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->threads = mem_new((size_t)threads * sizeof *pool->threads);
    for (; pool->started < threads - 1; pool->started++) {
        int errnum =
            pthread_create(&pool->threads[pool->started], NULL, member_main, pool);
        if (errnum != 0) {
            enum err_code rc = err_set(e, ERR_NOMEM, "cannot start thread %d of %d: %s",
                                       pool->started + 2, threads, strerror(errnum));
            pool_close(pool);
            return rc;
        }
    }
    *out = pool;
    return ERR_OK;
}

void pool_close(struct pool *pool)
{
    if (!pool)
        return;
    pool->quit = true;
    start_run(pool);
    for (int i = 0; i < pool->started; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->threads);
    free(pool);
}

int pool_members(const struct pool *pool)
{
    return pool->members;
}

void pool_run(struct pool *pool, pool_fn *fn, void *ctx)
{
    if (pool->members == 1) {
        fn(ctx, 0, 1);
        return;
    }
    pool->fn = fn;
    pool->ctx = ctx;
    start_run(pool);
    fn(ctx, 0, pool->members);
    pool_barrier(pool);
}

int pool_cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? n : 1;
}

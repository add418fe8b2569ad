#include "cli/run/parallel.h"

#include "cli/out/bar.h"
#include "cli/out/interrupt.h"

#include "base/pool.h"

struct parallel {
    parallel_fn *fn;
    void *ctx;
    size_t n;
    atomic_size_t next;
    const atomic_bool *interrupted;
    struct bar bar;
};

// Only member 0, the caller, draws.
static void work(void *ctx, int member, int members)
{
    struct parallel *p = ctx;
    (void)members;
    for (;;) {
        size_t i = atomic_fetch_add(&p->next, 1);
        if (i >= p->n || atomic_load(p->interrupted))
            return;
        p->fn(p->ctx, i);
        if (member == 0)
            bar_tell(&p->bar, i + 1, p->n);
    }
}

enum err_code parallel_each(const struct cli *cli, size_t n, parallel_fn *fn, void *ctx,
                            struct err *e)
{
    struct pool *pool = NULL;
    struct parallel p = {.fn = fn, .ctx = ctx, .n = n};
    enum err_code rc = pool_open(cli->threads, &pool, e);
    if (rc != ERR_OK)
        return rc;
    p.interrupted = interrupt_watch();
    bar_open(&p.bar, cli);
    pool_run(pool, work, &p);
    pool_close(pool);
    bar_close(&p.bar);
    if (atomic_load(p.interrupted))
        return err_set(e, ERR_INTERRUPTED, "interrupted");
    return ERR_OK;
}

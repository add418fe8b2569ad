#ifndef BASE_POOL_H
#define BASE_POOL_H

// A team of threads that runs one function on all its members at once (fork and join).
// The caller is member 0. Between runs the others spin for a few microseconds, then
// sleep.

#include "base/err.h"

struct pool;

// ctx as given to pool_run; member is 0 … members-1.
typedef void pool_fn(void *ctx, int member, int members);

// threads ≥ 1, counting the caller. A pool of one has no threads of its own.
enum err_code pool_open(int threads, struct pool **out, struct err *e) MUST_CHECK;
void pool_close(struct pool *pool);

int pool_members(const struct pool *pool);

// Returns when every member has returned from fn. One caller at a time.
void pool_run(struct pool *pool, pool_fn *fn, void *ctx);

// Inside fn: waits (spinning) until every member has arrived. What members wrote before
// it is seen by all after it.
void pool_barrier(struct pool *pool);

// CPUs that this process may run on: the default for --threads.
int pool_cpus(void);

#endif

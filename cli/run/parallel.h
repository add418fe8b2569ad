#ifndef CLI_PARALLEL_H
#define CLI_PARALLEL_H

// The same work for each of n things on all threads, with a progress line and ^C.

#include "cli/cmd.h"

typedef void parallel_fn(void *ctx, size_t i);

// ERR_INTERRUPTED after ^C; then some of the n were not worked on.
enum err_code parallel_each(const struct cli *cli, size_t n, parallel_fn *fn, void *ctx,
                            struct err *e) MUST_CHECK;

#endif

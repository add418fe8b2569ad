#ifndef CLI_RUNS_H
#define CLI_RUNS_H

// The runs of a database, as a table or as {"runs": […]}.

#include "cli/cmd.h"

#include "cache/cache.h"

enum err_code runs_print(const struct cli *cli, struct cache *cache,
                         struct err *e) MUST_CHECK;

#endif

#include "cli/run/check.h"

#include "cli/run/parallel.h"

#include <stdlib.h>

struct check_work {
    const struct ds *ds;
    struct ds_check *checks;
};

static void check_one(void *ctx, size_t i)
{
    struct check_work *work = ctx;
    char *path = ds_path(work->ds, i);
    ds_check_file(path, &work->checks[i]);
    free(path);
}

enum err_code check_all(const struct cli *cli, const struct ds *ds,
                        struct ds_check *checks, struct err *e)
{
    struct check_work work = {ds, checks};
    return parallel_each(cli, ds_count(ds), check_one, &work, e);
}

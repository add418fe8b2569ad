#include "cli/cmd.h"
#include "cli/open/database.h"
#include "cli/out/json.h"
#include "cli/out/runs.h"
#include "cli/out/say.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct runs_args {
    const char *db;
};

static const struct opt runs_opts[] = {
    DATABASE_OPT(offsetof(struct runs_args, db)),
    {0},
};

static enum err_code remove_run(const struct cli *cli, struct cache *cache, struct err *e)
{
    enum err_code rc;
    struct cache_run run = {0};
    TRY(cache_run_find(cache, cli->operands[1], &run, e));
    TRY(cache_run_remove(cache, run.id, e));
    TRY(cache_commit(cache, e));
    if (!cli->json)
        (void)printf("removed run %" PRId64 ", %s\n", run.id, run.name);
out:
    cache_run_release(&run);
    return rc;
}

static enum err_code run_runs(struct cli *cli, void *fields, struct err *e)
{
    enum err_code rc = ERR_OK;
    const struct runs_args *args = fields;
    struct cache *cache = NULL;
    bool remove = cli->operand_count > 0;
    if (remove && (cli->operand_count != 2 || strcmp(cli->operands[0], "rm") != 0))
        return err_set(e, ERR_USAGE, "runs: %s: expected rm and a RUN", cli->operands[0]);
    TRY(database_open(args->db, &cache, e));
    if (remove)
        TRY(remove_run(cli, cache, e));
    if (!remove || cli->json)
        TRY(runs_print(cli, cache, e));
out:
    cache_close(cache);
    return rc;
}

const struct cmd cmd_runs = {
    .name = "runs",
    .operands = "[rm RUN]",
    .max_operands = 2,
    .about = "Lists the runs of a database, newest first, or removes one (by id or name) "
             "with the predictions that no other run needs.",
    .opts = runs_opts,
    .size = sizeof(struct runs_args),
    .run = run_runs,
};

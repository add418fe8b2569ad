#include "cli/cmd.h"
#include "cli/open/database.h"
#include "cli/out/bar.h"
#include "cli/out/interrupt.h"
#include "cli/out/json.h"
#include "cli/out/say.h"

#include "cache/merge.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct merge_args {
    const char *db;
    bool mixed;
};

static const struct opt merge_opts[] = {
    {.name = "db",
     .value = "OUT",
     .help = "database to merge into, made when it is not there",
     .kind = OPT_TEXT,
     .offset = offsetof(struct merge_args, db),
     .required = true},
    {.name = "mixed",
     .help = "also when the runs are of different models, preprocessings, precisions or "
             "versions of the engine",
     .kind = OPT_FLAG,
     .offset = offsetof(struct merge_args, mixed)},
    {0},
};

static enum err_code print_document(const char *db, const struct cache_merged *merged,
                                    struct err *e)
{
    cJSON *document = cJSON_CreateObject();
    json_text(document, "db", db);
    json_number(document, "runs_added", (double)merged->runs);
    json_number(document, "rows", (double)merged->rows);
    json_number(document, "rows_added", (double)merged->added);
    json_number(document, "pictures_added", (double)merged->pictures);
    return json_print(document, e);
}

static enum err_code run_merge(struct cli *cli, void *fields, struct err *e)
{
    const struct merge_args *args = fields;
    struct bar bar;
    const struct cache_merge what = {
        .out = args->db,
        .shards = (const char *const *)cli->operands,
        .count = (size_t)cli->operand_count,
        .mixed = args->mixed,
        .cancel = interrupt_watch(),
        .progress = {bar_tell, &bar},
    };
    struct cache_merged merged;
    bar_open(&bar, cli);
    enum err_code rc = cache_merge(&what, &merged, e);
    bar_close(&bar);
    if (rc != ERR_OK)
        return rc;
    if (cli->json)
        return print_document(args->db, &merged, e);
    (void)printf("%s: %" PRId64 " rows read, %" PRId64 " added, %" PRId64 " new runs\n",
                 args->db, merged.rows, merged.added, merged.runs);
    return ERR_OK;
}

const struct cmd cmd_merge = {
    .name = "merge",
    .operands = "SHARD.db…",
    .min_operands = 1,
    .max_operands = -1,
    .about =
        "Joins databases of the same model, such as those of eval --shard, into one: "
        "all of them or, on an error, nothing. Again changes nothing. Rows that are "
        "there stay, but for failed ones that a shard has a prediction for.",
    .opts = merge_opts,
    .size = sizeof(struct merge_args),
    .run = run_merge,
};

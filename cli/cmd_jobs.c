#include "cli/cmd.h"
#include "cli/open/database.h"
#include "cli/out/json.h"
#include "cli/out/say.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct jobs_args {
    const char *db;
};

static const struct opt jobs_opts[] = {
    DATABASE_OPT(offsetof(struct jobs_args, db)),
    {0},
};

static const char *state_name(enum cache_job_state state)
{
    static const char *const names[] = {
        [JOB_RUNNING] = "running", [JOB_PAUSED] = "paused", [JOB_DONE] = "done",
        [JOB_STOPPED] = "stopped", [JOB_FAILED] = "failed",
    };
    return names[state];
}

static enum err_code print_document(const struct cache_job *jobs, size_t n, struct err *e)
{
    cJSON *document = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(document, "jobs");
    for (size_t i = 0; i < n; i++) {
        cJSON *job = cJSON_CreateObject();
        json_number(job, "id", (double)jobs[i].id);
        json_number(job, "run", (double)jobs[i].run);
        json_number(job, "pid", (double)jobs[i].pid);
        json_text(job, "state", state_name(jobs[i].state));
        json_number(job, "done", (double)jobs[i].done);
        json_number(job, "total", (double)jobs[i].total);
        json_text(job, "dataset", jobs[i].dataset);
        json_text(job, "model", jobs[i].model_path);
        json_number(job, "started", (double)jobs[i].started);
        json_number(job, "updated", (double)jobs[i].updated);
        json_text(job, "message", jobs[i].message);
        cJSON_AddItemToArray(list, job);
    }
    return json_print(document, e);
}

static void print_jobs(const struct cli *cli, const struct cache_job *jobs, size_t n)
{
    say_painted(cli, SAY_BOLD, "%4s  %-8s %15s  %s\n", "id", "state", "pictures",
                "dataset");
    for (size_t i = 0; i < n; i++) {
        char counts[48];
        (void)snprintf(counts, sizeof counts, "%" PRId64 "/%" PRId64, jobs[i].done,
                       jobs[i].total);
        (void)printf("%4" PRId64 "  %-8s %15s  %s%s%s\n", jobs[i].id,
                     state_name(jobs[i].state), counts, jobs[i].dataset,
                     jobs[i].message ? ": " : "", jobs[i].message ? jobs[i].message : "");
    }
}

static enum err_code list_jobs(const struct cli *cli, struct cache *cache, struct err *e)
{
    struct cache_job *jobs = NULL;
    size_t n = 0;
    enum err_code rc = cache_jobs(cache, &jobs, &n, e);
    if (rc != ERR_OK)
        return rc;
    if (cli->json)
        rc = print_document(jobs, n, e);
    else
        print_jobs(cli, jobs, n);
    cache_jobs_release(jobs, n);
    return rc;
}

static enum err_code parse_order(const struct cli *cli, enum cache_job_order *order,
                                 long *id, struct err *e)
{
    static const struct {
        const char *word;
        enum cache_job_order order;
    } words[] = {{"stop", JOB_STOP}, {"pause", JOB_PAUSE}, {"resume", JOB_GO}};
    const char *word = cli->operands[0];
    if (cli->operand_count != 2)
        return err_set(e, ERR_USAGE, "jobs: %s: expected stop, pause or resume and an ID",
                       word);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(word, words[i].word) != 0)
            continue;
        *order = words[i].order;
        if (str_to_long(cli->operands[1], id) && *id > 0)
            return ERR_OK;
        return err_set(e, ERR_USAGE, "jobs: %s %s: expected the ID of a job", word,
                       cli->operands[1]);
    }
    return err_set(e, ERR_USAGE, "jobs: %s: expected stop, pause or resume", word);
}

static enum err_code run_jobs(struct cli *cli, void *fields, struct err *e)
{
    enum err_code rc = ERR_OK;
    const struct jobs_args *args = fields;
    struct cache *cache = NULL;
    enum cache_job_order order = JOB_GO;
    long id = 0;
    if (cli->operand_count)
        TRY(parse_order(cli, &order, &id, e));
    TRY(database_open(args->db, &cache, e));
    if (id) {
        TRY(cache_job_order(cache, id, order, e));
        TRY(cache_commit(cache, e));
    }
    if (!id || cli->json)
        TRY(list_jobs(cli, cache, e));
out:
    cache_close(cache);
    return rc;
}

const struct cmd cmd_jobs = {
    .name = "jobs",
    .operands = "[stop|pause|resume ID]",
    .max_operands = 2,
    .about = "Lists the evaluations that were detached on this database, or tells one to "
             "stop, to pause or to go on; it obeys within about a second.",
    .opts = jobs_opts,
    .size = sizeof(struct jobs_args),
    .run = run_jobs,
};

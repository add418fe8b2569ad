#include "cli/out/runs.h"

#include "cli/open/database.h"
#include "cli/out/json.h"
#include "cli/out/say.h"

#include "cache/merge.h"
#include "report/report.h"

#include <inttypes.h>
#include <stdio.h>

// What a foreign run does not say is null.
static const char *known(const char *text)
{
    return text[0] ? text : NULL;
}

static enum err_code add_sources(cJSON *run, struct cache *cache, int64_t id,
                                 struct err *e)
{
    struct cache_source *sources;
    size_t n;
    enum err_code rc = cache_run_sources(cache, id, &sources, &n, e);
    if (rc != ERR_OK)
        return rc;
    cJSON *list = cJSON_AddArrayToObject(run, "sources");
    for (size_t i = 0; i < n; i++) {
        cJSON *source = cJSON_CreateObject();
        json_text(source, "path", sources[i].path);
        json_text(source, "host", known(sources[i].host));
        json_number(source, "merged", (double)sources[i].merged);
        json_number(source, "rows", (double)sources[i].rows);
        cJSON_AddItemToArray(list, source);
    }
    cache_sources_release(sources, n);
    return ERR_OK;
}

static enum err_code print_document(struct cache *cache, const struct cache_run *runs,
                                    size_t n, struct err *e)
{
    enum err_code rc = ERR_OK;
    cJSON *document = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(document, "runs");
    for (size_t i = 0; i < n; i++) {
        const struct cache_run *r = &runs[i];
        size_t labelled = (size_t)r->labelled;
        cJSON *run = cJSON_CreateObject();
        json_number(run, "id", (double)r->id);
        json_text(run, "name", r->name);
        json_text(run, "dataset", r->dataset);
        json_text(run, "model", r->model_path);
        json_text(run, "arch", r->arch);
        json_text(run, "precision", known(r->precision));
        json_text(run, "preprocess", known(r->prep_key));
        json_number(run, "classes", r->classes);
        json_text(run, "state", database_run_state(r));
        json_number(run, "images", (double)r->total);
        json_number(run, "predicted", (double)r->done);
        json_number(run, "failed", (double)r->failed);
        json_number(run, "labelled", (double)r->labelled);
        json_number(run, "top1", rep_percent((size_t)r->top1, labelled));
        json_number(run, "top5", rep_percent((size_t)r->top5, labelled));
        json_number(run, "started", (double)r->started);
        json_number(run, "finished", (double)r->finished);
        json_text(run, "host", known(r->host));
        cJSON_AddItemToArray(list, run);
        rc = add_sources(run, cache, r->id, e);
        if (rc != ERR_OK) {
            cJSON_Delete(document);
            return rc;
        }
    }
    return json_print(document, e);
}

static void print_table(const struct cli *cli, const struct cache_run *runs, size_t n)
{
    say_painted(cli, SAY_BOLD, "%4s  %-8s %15s %8s %8s  %-15s  %s\n", "id", "state",
                "pictures", "top-1", "top-5", "arch", "name; dataset");
    for (size_t i = 0; i < n; i++) {
        const struct cache_run *r = &runs[i];
        size_t labelled = (size_t)r->labelled;
        char counts[48], top1[16], top5[16];
        (void)snprintf(counts, sizeof counts, "%" PRId64 "/%" PRId64, r->done + r->failed,
                       r->total);
        say_percent(top1, rep_percent((size_t)r->top1, labelled));
        say_percent(top5, rep_percent((size_t)r->top5, labelled));
        (void)printf("%4" PRId64 "  %-8s %15s %8s %8s  %-15s  %s; %s\n", r->id,
                     database_run_state(r), counts, top1, top5, r->arch, r->name,
                     r->dataset);
    }
}

enum err_code runs_print(const struct cli *cli, struct cache *cache, struct err *e)
{
    struct cache_run *runs = NULL;
    size_t n = 0;
    enum err_code rc = cache_runs(cache, &runs, &n, e);
    if (rc != ERR_OK)
        return rc;
    if (cli->json)
        rc = print_document(cache, runs, n, e);
    else
        print_table(cli, runs, n);
    cache_runs_release(runs, n);
    return rc;
}

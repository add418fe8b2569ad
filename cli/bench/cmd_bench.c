#include "cli/bench/bench.h"
#include "cli/cmd.h"
#include "cli/open/model.h"
#include "cli/opt/stray.h"
#include "cli/out/interrupt.h"
#include "cli/out/json.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PROCESSES = 256, MAX_INSTANCES = 1024, MAX_BATCH = 256 };
#define DEFAULT_SECONDS 5.0

struct bench_args {
    struct model_args model;
    const char *instances, *percentiles;
    int processes, batch, iterations, forward_mode;
    double seconds;
    bool layers, peak;
};

static const struct opt bench_opts[] = {
    MODEL_OPTS(offsetof(struct bench_args, model), true),
    {.letter = 'i',
     .name = "instances",
     .value = "N|A:B",
     .help = "sessions at the same time, or each number of a range; default: one a "
             "process",
     .kind = OPT_TEXT,
     .offset = offsetof(struct bench_args, instances)},
    {.letter = 'p',
     .name = "processes",
     .value = "N",
     .help = "processes that the instances are spread over; default 1",
     .kind = OPT_INT,
     .min = 1,
     .max = MAX_PROCESSES,
     .offset = offsetof(struct bench_args, processes)},
    {.letter = 'b',
     .name = "batch_size",
     .value = "N",
     .help = "pictures that an instance takes at once; default 1",
     .kind = OPT_INT,
     .min = 1,
     .max = MAX_BATCH,
     .offset = offsetof(struct bench_args, batch)},
    {.name = "iterations",
     .value = "N",
     .help = "timed batches of each instance, after warming up",
     .kind = OPT_INT,
     .min = 1,
     .max = 10000000,
     .offset = offsetof(struct bench_args, iterations)},
    {.letter = 't',
     .name = "forward_time",
     .value = "SECONDS",
     .help = "end after this time; default 5, without limit with --iterations",
     .kind = OPT_REAL,
     .min = 0.001,
     .max = 3600,
     .offset = offsetof(struct bench_args, seconds)},
    {.name = "forward_mode",
     .value = "MODE",
     .help =
         "0: the next batch waits while one runs (default), 1: it is handed over when "
         "the one before is done",
     .kind = OPT_INT,
     .min = 0,
     .max = 1,
     .offset = offsetof(struct bench_args, forward_mode)},
    {.name = "percentiles",
     .value = "LIST",
     .help = "of the latency; default [50,90,95,99]",
     .kind = OPT_TEXT,
     .offset = offsetof(struct bench_args, percentiles)},
    {.name = "layers",
     .help = "time, GFLOP/s and share of the peak of each layer",
     .kind = OPT_FLAG,
     .offset = offsetof(struct bench_args, layers)},
    {.name = "peak",
     .help = "the multiply-add peak of each instruction set too",
     .kind = OPT_FLAG,
     .offset = offsetof(struct bench_args, peak)},
    {0},
};
static const struct bench_args bench_defaults = {
    .processes = 1, .batch = 1, .percentiles = "[50,90,95,99]"};

// "2" or "1:4"; without either as many as there are processes.
struct range {
    long first, last;
    bool many; // a range was written
};

static enum err_code read_instances(const struct bench_args *args, struct range *out,
                                    struct err *e)
{
    const char *text = args->instances;
    *out = (struct range){args->processes, args->processes, false};
    if (!text)
        return ERR_OK;
    const char *colon = strchr(text, ':');
    char *first = mem_dup_n(text, colon ? (size_t)(colon - text) : strlen(text));
    out->many = colon != NULL;
    bool good = str_to_long(first, &out->first) &&
                str_to_long(colon ? colon + 1 : first, &out->last);
    free(first);
    if (!good || out->first < 1 || out->last < out->first || out->last > MAX_INSTANCES)
        return err_set(e, ERR_USAGE,
                       "bench: -i %s: expected N or A:B with whole numbers from 1 to %d",
                       text, MAX_INSTANCES);
    if (out->first < args->processes)
        return err_set(e, ERR_USAGE,
                       "bench: %d processes for %ld instances, expected at most one each",
                       args->processes, out->first);
    return ERR_OK;
}

// Once each, as they are keys of a document.
static void add_percentile(struct bench_percentiles *out, double value)
{
    for (int i = 0; i < out->count; i++)
        if (out->values[i] == value)
            return;
    out->values[out->count++] = value;
}

// "[50,90,99.9]" or without the brackets.
static enum err_code read_percentiles(const char *text, struct bench_percentiles *out,
                                      struct err *e)
{
    const char *at = text + (*text == '[');
    const char *end = *text == '[' ? "]" : "";
    *out = (struct bench_percentiles){0};
    do {
        char *after = NULL;
        double value = strtod(at, &after);
        if (after == at || !(value >= 0 && value <= 100) ||
            out->count == BENCH_MAX_PERCENTILES)
            break;
        add_percentile(out, value);
        at = after;
    } while (*at == ',' && at++);
    if (out->count == 0 || strcmp(at, end) != 0)
        return err_set(
            e, ERR_USAGE,
            "bench: --percentiles %s: expected [50,90,95,99], up to %d numbers "
            "from 0 to 100",
            text, BENCH_MAX_PERCENTILES);
    return ERR_OK;
}

// ---- the peak of each instruction set ----

static bool cpu_has(int isa)
{
    enum eng_isa same;
    return eng_isa_choose(eng_isa_name((enum eng_isa)isa), &same, NULL) == ERR_OK;
}

static void print_peaks(const struct cli *cli)
{
    (void)printf("\n%-12s %16s", "peak", "1 thread");
    if (cli->threads > 1)
        (void)printf(" %10d threads", cli->threads);
    (void)puts("  (GFLOP/s)");
    for (int isa = 0; isa <= (int)cli->isa; isa++) {
        if (!cpu_has(isa))
            continue;
        (void)printf("%-12s %16.1f", eng_isa_name((enum eng_isa)isa),
                     eng_peak_gflops((enum eng_isa)isa, 1));
        if (cli->threads > 1)
            (void)printf(" %18.1f", eng_peak_gflops((enum eng_isa)isa, cli->threads));
        (void)putchar('\n');
    }
}

static void add_peaks(const struct cli *cli, cJSON *document)
{
    cJSON *list = cJSON_AddArrayToObject(document, "peaks");
    for (int isa = 0; isa <= (int)cli->isa; isa++) {
        for (int threads = 1; threads <= cli->threads; threads += cli->threads - 1) {
            if (!cpu_has(isa))
                break;
            cJSON *row = cJSON_CreateObject();
            json_text(row, "isa", eng_isa_name((enum eng_isa)isa));
            json_number(row, "threads", threads);
            json_number(row, "gflops", eng_peak_gflops((enum eng_isa)isa, threads));
            cJSON_AddItemToArray(list, row);
            if (cli->threads == 1)
                break;
        }
    }
}

// ---- the command ----

static enum err_code bench_one(const struct cli *cli, const struct bench_args *args,
                               const struct bench_spec *spec,
                               const struct bench_percentiles *percentiles,
                               cJSON **document, struct err *e)
{
    struct bench_result result = {0};
    enum err_code rc = bench_measure(spec, interrupt_watch(), &result, e);
    if (rc == ERR_OK && cli->json) {
        *document = bench_document(spec, &result, percentiles, args->layers);
        if (args->peak)
            add_peaks(cli, *document);
    } else if (rc == ERR_OK) {
        bench_print(spec, &result, percentiles);
        if (args->layers)
            bench_print_layers(spec, &result);
    }
    bench_result_release(&result);
    return rc;
}

static enum err_code bench_range(const struct cli *cli, const struct bench_args *args,
                                 struct bench_spec *spec, const struct range *range,
                                 const struct bench_percentiles *percentiles,
                                 struct err *e)
{
    cJSON *list = range->many && cli->json ? cJSON_CreateArray() : NULL, *one = NULL;
    for (long i = range->first; i <= range->last; i++) {
        spec->instances = (int)i;
        enum err_code rc = bench_one(cli, args, spec, percentiles, &one, e);
        if (rc != ERR_OK) {
            cJSON_Delete(list);
            return rc;
        }
        if (list)
            cJSON_AddItemToArray(list, one);
    }
    if (args->peak && !cli->json)
        print_peaks(cli);
    return cli->json ? json_print(list ? list : one, e) : ERR_OK;
}

static enum err_code run_bench(struct cli *cli, void *fields, struct err *e)
{
    enum err_code rc;
    struct bench_args *args = fields;
    struct pipe_setup setup = {0};
    struct range range;
    struct bench_percentiles percentiles;
    TRY(stray_processes(cli, "bench", MAX_PROCESSES, &args->processes, e));
    TRY(read_instances(args, &range, e));
    TRY(read_percentiles(args->percentiles, &percentiles, e));
    TRY(model_setup_open(cli, &args->model, &setup, e));
    bool timed = args->seconds > 0 || args->iterations > 0;
    struct bench_spec spec = {
        .model = setup.model,
        .height = setup.prep.height,
        .width = setup.prep.width,
        .batch = args->batch,
        .processes = args->processes,
        .threads = cli->threads,
        .iterations = args->iterations,
        .seconds = timed ? args->seconds : DEFAULT_SECONDS,
        .wait = args->forward_mode == 1,
    };
    rc = bench_range(cli, args, &spec, &range, &percentiles, e);
out:
    pipe_setup_release(&setup);
    return rc;
}

const struct cmd cmd_bench = {
    .name = "bench",
    .operands = "",
    .max_operands = 2,
    .about =
        "Throughput and latency of a network on noise, in vamp's order and units, "
        "beside the multiply-add peak of the same threads, which is measured between "
        "the turns of the same run. Instances are sessions on one model and share "
        "its weights, in several processes too; --threads are spread over them.",
    .opts = bench_opts,
    .size = sizeof(struct bench_args),
    .defaults = &bench_defaults,
    .run = run_bench,
};

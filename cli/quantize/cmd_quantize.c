#include "cli/cmd.h"
#include "cli/open/model.h"
#include "cli/out/interrupt.h"
#include "cli/out/say.h"
#include "cli/quantize/choose.h"
#include "cli/quantize/quantize.h"
#include "cli/run/watch.h"

#include "base/file.h"
#include "base/mem.h"

#include <stdlib.h>
#include <sys/stat.h>

struct quantize_args {
    struct model_args model;
    const char *calib, *eval, *keep, *out;
    int n, method;
    double percentile, more_rows, min_sqnr;
    bool allow_missing, force;
};

static const char *const method_names[ENG_CALIB_METHOD_COUNT] = {[ENG_CALIB_PERCENTILE] =
                                                                     "percentile",
                                                                 [ENG_CALIB_MAX] = "max",
                                                                 [ENG_CALIB_KL] = "kl"};

static const struct opt quantize_opts[] = {
    MODEL_FILE_OPT(offsetof(struct quantize_args, model), true),
    {.name = "calib",
     .value = "DATASET",
     .help = "pictures to calibrate on, at least one of each class",
     .kind = OPT_TEXT,
     .offset = offsetof(struct quantize_args, calib),
     .required = true},
    {.letter = 'n',
     .name = "count",
     .value = "N",
     .help = "calibrate on N of them, the same number of each class; default 1000",
     .kind = OPT_INT,
     .min = 1,
     .max = 10000,
     .offset = offsetof(struct quantize_args, n)},
    {.name = "method",
     .value = "METHOD",
     .help =
         "how far an input's values reach before they are clipped; default percentile",
     .kind = OPT_CHOICE,
     .choices = "percentile max kl",
     .offset = offsetof(struct quantize_args, method)},
    {.name = "percentile",
     .value = "P",
     .help = "of the values of a channel, at either end; default 99.99",
     .kind = OPT_REAL,
     .min = 90,
     .max = 100,
     .offset = offsetof(struct quantize_args, percentile)},
    {.name = "allow-missing-classes",
     .help = "also when a class has no picture",
     .kind = OPT_FLAG,
     .offset = offsetof(struct quantize_args, allow_missing)},
    {.name = "keep",
     .value = "LAYERS",
     .help = "layers that stay float32, by name, with commas",
     .kind = OPT_TEXT,
     .offset = offsetof(struct quantize_args, keep)},
    {.name = "more-rows",
     .value = "PERCENT",
     .help = "how many more rows of weights than channels a layer may have, so that wide "
             "ranges get finer steps; default 6",
     .kind = OPT_REAL,
     .min = 0,
     .max = 100,
     .offset = offsetof(struct quantize_args, more_rows)},
    {.name = "min-sqnr",
     .value = "DB",
     .help = "layers stay float32 whose int8 output has a lower ratio of signal to noise",
     .kind = OPT_REAL,
     .min = 0,
     .max = 100,
     .offset = offsetof(struct quantize_args, min_sqnr)},
    {.name = "eval",
     .value = "DATASET",
     .help = "pictures to compare with float32 on; default: up to 1000 of the "
             "calibration dataset that were not used",
     .kind = OPT_TEXT,
     .offset = offsetof(struct quantize_args, eval)},
    {.letter = 'o',
     .name = "output",
     .value = "OUT.safetensors",
     .help = "the native file",
     .kind = OPT_TEXT,
     .offset = offsetof(struct quantize_args, out),
     .required = true},
    MODEL_PARTS_OPTS(offsetof(struct quantize_args, model)),
    MODEL_INPUT_OPTS(offsetof(struct quantize_args, model)),
    {.name = "force",
     .help = "overwrite a file that is there",
     .kind = OPT_FLAG,
     .offset = offsetof(struct quantize_args, force)},
    {0},
};
static const struct quantize_args quantize_defaults = {
    .n = 1000, .percentile = 99.99, .more_rows = 6};

struct quantizing {
    const struct cli *cli;
    const struct quantize_args *args;
    struct pipe_setup setup, int8;
    struct ds *ds, *eval;
    struct quantize_set set;
    struct eng_calib *calib;
    struct quantize_account account;
    struct quantize_judgement judgement;
    char prep[DS_PREP_TEXT_MAX];
};

static enum err_code open_all(struct quantizing *q, struct err *e)
{
    enum err_code rc = ERR_OK;
    const struct quantize_args *args = q->args;
    const struct eng_opts engine = {
        .arch = args->model.arch, .head = args->model.head, .isa = q->cli->isa};
    if (!args->force && file_exists(args->out))
        TRY(err_set(e, ERR_EXISTS, "%s: exists already; --force replaces it", args->out));
    TRY(model_setup_open(q->cli, &args->model, &q->setup, e));
    TRY(ds_open(args->calib, &(struct ds_opts){0}, &q->ds, e));
    if (args->eval)
        TRY(ds_open(args->eval, &(struct ds_opts){0}, &q->eval, e));
    TRY(quantize_set_choose(q->ds, &q->setup, (size_t)args->n, args->allow_missing,
                            &q->set, e));
    TRY(eng_calib_open(q->setup.model, &engine, q->set.count, &q->calib, e));
out:
    return rc;
}

static void run_calib(void *ctx, struct eng_session *session, const float *input,
                      size_t position, const struct eng_output *out)
{
    eng_calib_run(ctx, session, input, position, out);
}

static void tell_failure(void *ctx, const struct pipe_event *event)
{
    if (event->row.error)
        say_note(ctx, "%s: not used: %s", event->row.file, event->row.error);
}

static enum err_code calibrate(struct quantizing *q,
                               void (*on_event)(void *, const struct pipe_event *),
                               struct err *e)
{
    enum err_code rc;
    struct pipe_job *job = NULL;
    struct pipe_progress end = {0};
    const struct pipe_spec spec = {.setup = &q->setup,
                                   .ds = q->ds,
                                   .subset = q->set.items,
                                   .subset_count = q->set.count,
                                   .threads = q->cli->threads,
                                   .run = run_calib,
                                   .run_ctx = q->calib};
    const struct watch watch = {.on_event = on_event, .ctx = (void *)q->cli};
    TRY(pipe_job_start(&spec, &job, e));
    watch_job(q->cli, job, &watch, &end);
    q->account.failed = end.failed;
    rc = end.code == ERR_OK ? ERR_OK : err_set(e, end.code, "%s", end.message);
out:
    pipe_job_close(job);
    return rc;
}

static enum err_code calibrate_twice(struct quantizing *q,
                                     const struct eng_quant_opts *opts, struct err *e)
{
    enum err_code rc;
    TRY(calibrate(q, tell_failure, e));
    TRY(eng_calib_settle(q->calib, opts, e));
    TRY(calibrate(q, NULL, e));
    TRY(eng_calib_quantize(q->calib, opts, e));
out:
    return rc;
}

static enum err_code write_model(struct quantizing *q, struct err *e)
{
    enum err_code rc;
    const struct quantize_args *args = q->args;
    struct stat st = {0};
    char *calibration = NULL;
    ds_prep_text(&q->setup.prep, q->prep);
    q->account.model = args->model.model;
    q->account.out = args->out;
    q->account.dataset = ds_root(q->ds);
    q->account.method = method_names[args->method];
    q->account.prep = q->prep;
    q->account.more_rows = args->more_rows;
    q->account.percentile = args->method == ENG_CALIB_PERCENTILE ? args->percentile : 100;
    q->account.pictures = q->set.count;
    q->account.missing = q->set.missing;
    calibration = quantize_calibration(&q->account);
    TRY(eng_calib_write(q->calib, calibration, args->out, args->force, e));
    if (stat(args->out, &st) != 0)
        TRY(err_set(e, ERR_MISSING, "%s: is gone again", args->out));
    q->account.bytes = (long long)st.st_size;
out:
    free(calibration);
    return rc;
}

// By what is in the file.
static enum err_code judge(struct quantizing *q, struct err *e)
{
    enum err_code rc = ERR_OK;
    struct model_args model = q->args->model;
    size_t *all = NULL, count = q->eval ? ds_count(q->eval) : q->set.others;
    if (!count)
        return ERR_OK;
    model.model = q->args->out;
    model.arch = model.head = NULL;
    TRY(model_setup_open(q->cli, &model, &q->int8, e));
    if (q->eval) {
        all = mem_array(count, sizeof *all);
        if (!all) {
            rc = err_set(e, ERR_NOMEM, "no memory for %zu pictures", count);
            goto out;
        }
        for (size_t i = 0; i < count; i++)
            all[i] = i;
    }
    const struct quantize_pictures on = {
        .ds = q->eval ? q->eval : q->ds,
        .items = q->eval ? all : q->set.items + q->set.count,
        .count = count,
    };
    rc = quantize_judge(q->cli, &q->setup, &q->int8, &on, &q->judgement, e);
out:
    free(all);
    return rc;
}

static enum err_code run_quantize(struct cli *cli, void *fields, struct err *e)
{
    enum err_code rc;
    struct quantizing q = {.cli = cli, .args = fields};
    const struct eng_quant_opts opts = {.method = (enum eng_calib_method)q.args->method,
                                        .percentile = q.args->percentile,
                                        .more_rows = q.args->more_rows,
                                        .min_sqnr = q.args->min_sqnr,
                                        .keep = q.args->keep};
    const struct eng_quant_layer *layers;
    int count;
    (void)interrupt_watch();
    TRY(open_all(&q, e));
    TRY(calibrate_twice(&q, &opts, e));
    TRY(write_model(&q, e));
    TRY(judge(&q, e));
    layers = eng_calib_layers(q.calib, &count);
    if (cli->json)
        TRY(quantize_print_json(&q.account, layers, count, &q.judgement, e));
    else
        quantize_print(cli, &q.account, layers, count, &q.judgement);
out:
    quantize_judgement_release(&q.judgement);
    eng_calib_close(q.calib);
    quantize_set_release(&q.set);
    ds_close(q.eval);
    ds_close(q.ds);
    pipe_setup_release(&q.int8);
    pipe_setup_release(&q.setup);
    return rc;
}

const struct cmd cmd_quantize = {
    .name = "quantize",
    .operands = "",
    .about = "Writes an int8 model in the native format: pointwise convolutions and the "
             "stem's second one, nearly all of the work, in whole numbers, the rest in "
             "float32. Pictures of every class settle the scales; other pictures tell "
             "what it costs.",
    .opts = quantize_opts,
    .size = sizeof(struct quantize_args),
    .defaults = &quantize_defaults,
    .run = run_quantize,
};

#include "cli/cmd.h"
#include "cli/open/model.h"
#include "cli/out/interrupt.h"
#include "cli/out/json.h"
#include "cli/out/say.h"
#include "cli/run/watch.h"

#include "archive/archive.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/topk.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct predict_args {
    struct model_args model;
    int k;
    const char *logits, *features, *input_npz;
    bool force;
};

static const struct opt predict_opts[] = {
    MODEL_OPTS(offsetof(struct predict_args, model), true),
    {.letter = 'k',
     .name = "topk",
     .value = "K",
     .help = "classes a picture; default 5",
     .kind = OPT_INT,
     .min = 1,
     .max = 100000,
     .offset = offsetof(struct predict_args, k)},
    {.name = "logits",
     .value = "F.npz",
     .help = "write key logits, float32 [n, classes], in the order of the files",
     .kind = OPT_TEXT,
     .offset = offsetof(struct predict_args, logits)},
    {.name = "features",
     .value = "F.npz",
     .help = "write key features, float32 [n, C], what the classifier sees",
     .kind = OPT_TEXT,
     .offset = offsetof(struct predict_args, features)},
    {.name = "input-npz",
     .value = "F.npz",
     .help = "in place of files: key input_0, float32 [n, 3, H, W], preprocessed already",
     .kind = OPT_TEXT,
     .offset = offsetof(struct predict_args, input_npz)},
    {.name = "force",
     .help = "overwrite files that are there",
     .kind = OPT_FLAG,
     .offset = offsetof(struct predict_args, force)},
    {0},
};
static const struct predict_args predict_defaults = {.k = ROW_TOPK};

// One picture's answer, until those before it have been printed.
struct answer {
    bool done;
    const char *error;
};

struct predict {
    const struct cli *cli;
    const struct predict_args *args;
    struct pipe_setup setup;
    const struct eng_info *info;
    size_t count;
    char **names; // as shown
    struct answer *answers;
    size_t printed;
    float *logits;
    float *features;
    struct topk *best; // room for k
    cJSON *results;
};

// ---- printing ----

static void add_result(struct predict *p, const char *name, const char *error, int n)
{
    cJSON *result = cJSON_CreateObject(), *topk = cJSON_CreateArray();
    json_text(result, "file", name);
    json_text(result, "error", error);
    for (int i = 0; i < n; i++) {
        cJSON *entry = cJSON_CreateObject();
        json_number(entry, "index", p->best[i].index);
        json_text(entry, "label", labels_words(p->setup.labels, p->best[i].index));
        json_text(entry, "wnid", labels_wnid(p->setup.labels, p->best[i].index));
        json_float(entry, "prob", p->best[i].prob);
        cJSON_AddItemToArray(topk, entry);
    }
    cJSON_AddItemToObject(result, "topk", topk);
    cJSON_AddItemToArray(p->results, result);
}

static void print_answer(struct predict *p, size_t i)
{
    const char *error = p->answers[i].error;
    size_t classes = (size_t)p->info->classes;
    int n = error ? 0
                  : topk_softmax(p->logits + i * classes, p->info->classes, p->args->k,
                                 p->best);
    if (error) {
        char *text = mem_printf("%s: %s", p->names[i], error);
        say_error(p->cli, text);
        free(text);
    }
    if (p->results) {
        add_result(p, p->names[i], error, n);
        return;
    }
    if (error)
        return;
    say_painted(p->cli, SAY_BOLD, "%s\n", p->names[i]);
    for (int k = 0; k < n; k++)
        (void)printf("  %.6f %5d  %s\n", (double)p->best[k].prob, p->best[k].index,
                     labels_words(p->setup.labels, p->best[k].index));
}

static void take_event(void *ctx, const struct pipe_event *event)
{
    struct predict *p = ctx;
    p->answers[event->item] = (struct answer){true, event->row.error};
    while (p->printed < p->count && p->answers[p->printed].done)
        print_answer(p, p->printed++);
}

// ---- running ----

static enum err_code make_room(struct predict *p, struct err *e)
{
    size_t logits, features;
    size_t k =
        p->args->k < p->info->classes ? (size_t)p->args->k : (size_t)p->info->classes;
    p->answers = mem_array(p->count, sizeof *p->answers);
    p->names = mem_array(p->count, sizeof(char *));
    p->best = mem_array(k, sizeof *p->best);
    if (mem_mul(p->count, (size_t)p->info->classes, &logits))
        p->logits = mem_array(logits, sizeof *p->logits);
    if (p->args->features && mem_mul(p->count, (size_t)p->info->features, &features))
        p->features = mem_array(features, sizeof *p->features);
    if (!p->answers || !p->names || !p->best || !p->logits ||
        (p->args->features && !p->features))
        return err_set(e, ERR_NOMEM, "no memory for the results of %zu pictures",
                       p->count);
    return ERR_OK;
}

// Standard input as a file that can be opened by name while this process lives.
static enum err_code spool_stdin(char **path, struct err *e)
{
    char buffer[1 << 16];
    ssize_t n = 0;
    int fd = memfd_create("stdin", MFD_CLOEXEC);
    if (fd < 0)
        return err_set_errno(e, errno, "-", "cannot keep");
    while ((n = read(STDIN_FILENO, buffer, sizeof buffer)) > 0)
        for (ssize_t at = 0, put; at < n; at += put)
            if ((put = write(fd, buffer + at, (size_t)(n - at))) < 0)
                return err_set_errno(e, errno, "-", "cannot keep");
    if (n < 0)
        return err_set_errno(e, errno, "-", "cannot read");
    *path = mem_printf("/proc/self/fd/%d", fd);
    return ERR_OK;
}

static enum err_code name_files(struct predict *p, char **paths, struct err *e)
{
    for (size_t i = 0; i < p->count; i++) {
        const char *operand = p->cli->operands[i];
        p->names[i] = mem_dup(operand);
        if (strcmp(operand, "-") != 0) {
            paths[i] = mem_dup(operand);
            continue;
        }
        enum err_code rc = spool_stdin(&paths[i], e);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

static enum err_code run_files(struct predict *p, struct err *e)
{
    enum err_code rc;
    struct ds *ds = NULL;
    struct pipe_job *job = NULL;
    struct pipe_progress end = {0};
    char **paths = mem_array(p->count, sizeof(char *));
    if (!paths)
        return err_set(e, ERR_NOMEM, "no memory for %zu file names", p->count);
    TRY(name_files(p, paths, e));
    ds = ds_open_files(paths, p->count);
    const struct pipe_spec spec = {.setup = &p->setup,
                                   .ds = ds,
                                   .threads = p->cli->threads,
                                   .logits = p->logits,
                                   .features = p->features};
    const struct watch watch = {.on_event = take_event, .ctx = p};
    TRY(pipe_job_start(&spec, &job, e));
    watch_job(p->cli, job, &watch, &end);
    rc = watch_result(&end, e);
out:
    pipe_job_close(job);
    ds_close(ds);
    for (size_t i = 0; i < p->count; i++)
        free(paths[i]);
    free(paths);
    return rc;
}

static enum err_code read_inputs(struct predict *p, struct arc_array *input,
                                 struct err *e)
{
    const char *path = p->args->input_npz;
    enum err_code rc = arc_npz_read(path, "input_0", (size_t)1 << 34, input, e);
    if (rc != ERR_OK)
        return rc;
    const size_t *shape = input->shape;
    if (input->dtype != ARC_F4 || input->ndim != 4 || shape[1] != 3)
        return err_set(e, ERR_FORMAT,
                       "%s: input_0 is not of the expected kind, float32 [n,3,H,W]",
                       path);
    if (shape[2] < 1 || shape[3] < 1 || shape[2] > MODEL_MAX_EXTENT ||
        shape[3] > MODEL_MAX_EXTENT)
        return err_set(e, ERR_FORMAT,
                       "%s: input_0 is %zux%zu, expected sides from 1 to %d", path,
                       shape[2], shape[3], MODEL_MAX_EXTENT);
    p->count = shape[0];
    return ERR_OK;
}

static enum err_code run_inputs(struct predict *p, const struct arc_array *input,
                                struct err *e)
{
    struct eng_session *session = NULL;
    int h = (int)input->shape[2], w = (int)input->shape[3];
    size_t size = 3 * (size_t)h * (size_t)w, classes = (size_t)p->info->classes;
    enum err_code rc =
        eng_session_open(p->setup.model, h, w, 1, p->cli->threads, &session, e);
    if (rc != ERR_OK)
        return rc;
    const atomic_bool *interrupted = interrupt_watch();
    for (size_t i = 0; i < p->count && rc == ERR_OK; i++) {
        struct eng_output out = {.logits = p->logits + i * classes};
        if (p->features)
            out.features = p->features + i * (size_t)p->info->features;
        eng_session_run(session, (const float *)input->data + i * size, 1, &out);
        p->names[i] = mem_printf("input_0[%zu]", i);
        print_answer(p, i);
        if (atomic_load(interrupted))
            rc = err_set(e, ERR_INTERRUPTED, "interrupted after %zu of %zu inputs", i + 1,
                         p->count);
    }
    eng_session_close(session);
    return rc;
}

// ---- files ----

static enum err_code write_array(const char *path, const char *key, const float *data,
                                 size_t rows, size_t columns, bool force, struct err *e)
{
    struct npz_writer *npz = NULL;
    enum err_code rc = arc_npz_create(path, force, &npz, e);
    if (rc != ERR_OK)
        return rc;
    const struct arc_array array = {ARC_F4,
                                    2,
                                    {rows, columns},
                                    (void *)(uintptr_t)data,
                                    rows * columns * sizeof(float)};
    rc = arc_npz_put(npz, key, &array, e);
    if (rc == ERR_OK)
        return arc_npz_commit(npz, e);
    arc_npz_discard(npz);
    return rc;
}

static enum err_code write_arrays(const struct predict *p, struct err *e)
{
    enum err_code rc = ERR_OK;
    const struct predict_args *args = p->args;
    if (args->logits)
        TRY(write_array(args->logits, "logits", p->logits, p->count,
                        (size_t)p->info->classes, args->force, e));
    if (args->features)
        TRY(write_array(args->features, "features", p->features, p->count,
                        (size_t)p->info->features, args->force, e));
out:
    return rc;
}

// What is wrong with the arguments is told before any work.
static enum err_code check_args(const struct cli *cli, const struct predict_args *args,
                                struct err *e)
{
    int stdins = 0;
    for (int i = 0; i < cli->operand_count; i++)
        stdins += strcmp(cli->operands[i], "-") == 0;
    if (stdins > 1)
        return err_set(e, ERR_USAGE,
                       "predict: - is given %d times, expected once at most", stdins);
    if (args->input_npz && cli->operand_count)
        return err_set(e, ERR_USAGE,
                       "predict: %s: no files are expected with --input-npz",
                       cli->operands[0]);
    if (!args->input_npz && !cli->operand_count)
        return err_set(e, ERR_USAGE,
                       "predict: no FILE, expected pictures or - for stdin");
    const char *outs[] = {args->logits, args->features};
    for (size_t i = 0; i < sizeof outs / sizeof *outs; i++)
        if (outs[i] && !args->force && file_exists(outs[i]))
            return err_set(e, ERR_EXISTS, "%s: exists already; --force replaces it",
                           outs[i]);
    return ERR_OK;
}

static enum err_code print_document(struct predict *p, struct err *e)
{
    cJSON *document = cJSON_CreateObject();
    json_text(document, "model", p->args->model.model);
    json_text(document, "precision", eng_precision_name(p->info->precision));
    json_text(document, "arch", p->info->arch);
    cJSON_AddItemToObject(document, "results", p->results);
    p->results = NULL;
    return json_print(document, e);
}

static void release(struct predict *p)
{
    for (size_t i = 0; p->names && i < p->count; i++)
        free(p->names[i]);
    free(p->names);
    free(p->answers);
    free(p->best);
    free(p->logits);
    free(p->features);
    cJSON_Delete(p->results);
    pipe_setup_release(&p->setup);
}

static enum err_code run_predict(struct cli *cli, void *fields, struct err *e)
{
    enum err_code rc, ran;
    struct predict_args *args = fields;
    struct predict p = {.cli = cli, .args = args};
    struct arc_array input = {0};
    (void)interrupt_watch();
    TRY(check_args(cli, args, e));
    TRY(model_setup_open(cli, &args->model, &p.setup, e));
    p.info = eng_model_info(p.setup.model);
    p.count = (size_t)cli->operand_count;
    if (args->input_npz)
        TRY(read_inputs(&p, &input, e));
    TRY(make_room(&p, e));
    if (cli->json)
        p.results = cJSON_CreateArray();
    ran = args->input_npz ? run_inputs(&p, &input, e) : run_files(&p, e);
    rc = ran;
    if (ran != ERR_OK && ran != ERR_FAILED)
        goto out;
    TRY(write_arrays(&p, e));
    if (cli->json)
        TRY(print_document(&p, e));
    rc = ran;
out:
    release(&p);
    arc_array_release(&input);
    return rc;
}

const struct cmd cmd_predict = {
    .name = "predict",
    .operands = "FILE… | - | --input-npz F.npz",
    .max_operands = -1,
    .about =
        "The most likely classes of pictures, best first, in the order of the files. "
        "A picture that cannot be used is told on stderr and makes the exit status 1.",
    .opts = predict_opts,
    .size = sizeof(struct predict_args),
    .defaults = &predict_defaults,
    .run = run_predict,
};

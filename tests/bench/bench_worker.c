// xlens as one of the engines that scripts/bench-peers drives:
//     bench_worker MODEL PRECISION THREADS BATCH SIZE INPUT [ISA]
// INPUT holds float32 [BATCH][3][SIZE][SIZE]. Runs once, says "ready ISA" and then
// answers each line on stdin with one on stdout:
//     run N       seconds of N batches, one after the other
//     peak        multiply-add peak of the threads, GFLOP/s
//     logits F    writes float32 [BATCH][classes] of the last run to F

#include "engine/engine.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct worker {
    struct eng_model *model;
    struct eng_session *session;
    const float *input;
    float *logits;
    int threads, batch, size;
};

static void run_once(struct worker *w)
{
    eng_session_run(w->session, w->input, w->batch,
                    &(struct eng_output){.logits = w->logits});
}

static enum err_code open_worker(struct worker *w, char **args, const char *isa,
                                 struct file_bytes *input, struct err *e)
{
    struct eng_opts opts = {0};
    enum err_code rc;
    int precision = eng_precision_find(args[1]);
    if (precision < 0)
        return err_set(e, ERR_USAGE, "%s: no such precision", args[1]);
    opts.precision = (enum eng_precision)precision;
    w->threads = (int)strtol(args[2], NULL, 10);
    w->batch = (int)strtol(args[3], NULL, 10);
    w->size = (int)strtol(args[4], NULL, 10);
    TRY(eng_isa_choose(isa, &opts.isa, e));
    TRY(file_map(args[5], input, e));
    if (input->len !=
        sizeof(float) * 3 * (size_t)w->batch * (size_t)w->size * (size_t)w->size)
        TRY(err_set(e, ERR_FORMAT, "%s: %zu bytes do not fit batch and size", args[5],
                    input->len));
    w->input = (const float *)(const void *)input->data;
    TRY(eng_model_open(args[0], &opts, &w->model, e));
    TRY(eng_session_open(w->model, w->size, w->size, w->batch, w->threads, &w->session,
                         e));
    w->logits = mem_new((size_t)w->batch * (size_t)eng_model_info(w->model)->classes *
                        sizeof *w->logits);
    run_once(w);
out:
    return rc;
}

static enum err_code write_logits(const struct worker *w, const char *path, struct err *e)
{
    size_t n = (size_t)w->batch * (size_t)eng_model_info(w->model)->classes;
    FILE *f = fopen(path, "wb");
    bool good = f && fwrite(w->logits, sizeof(float), n, f) == n;
    if (f && fclose(f) != 0)
        good = false;
    return good ? ERR_OK : err_set(e, ERR_IO, "%s: cannot write", path);
}

static enum err_code serve(struct worker *w, struct err *e)
{
    char line[4096];
    const struct eng_info *info = eng_model_info(w->model);
    printf("ready %s\n", eng_isa_name(info->isa));
    while (fflush(stdout) == 0 && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "run ", 4) == 0) {
            for (long n = strtol(line + 4, NULL, 10); n > 0; n--) {
                double start = clock_now();
                run_once(w);
                printf("%.9f%c", clock_now() - start, n > 1 ? ' ' : '\n');
            }
        } else if (strcmp(line, "peak") == 0) {
            printf("%.3f\n", eng_peak_gflops(info->isa, w->threads));
        } else if (strncmp(line, "logits ", 7) == 0) {
            enum err_code rc = write_logits(w, line + 7, e);
            if (rc != ERR_OK)
                return rc;
            puts("done");
        } else {
            return err_set(e, ERR_USAGE, "%s: no such request", line);
        }
    }
    return ERR_OK;
}

int main(int argc, char **argv)
{
    struct worker w = {0};
    struct file_bytes input = {0};
    struct err e = {0};
    enum err_code rc = ERR_USAGE;
    if (argc != 7 && argc != 8)
        TRY(err_set(&e, ERR_USAGE,
                    "expected MODEL PRECISION THREADS BATCH SIZE INPUT [ISA]"));
    TRY(open_worker(&w, argv + 1, argc > 7 ? argv[7] : NULL, &input, &e));
    rc = serve(&w, &e);
out:
    if (rc != ERR_OK)
        (void)fprintf(stderr, "bench_worker: %s\n", e.msg);
    eng_session_close(w.session);
    eng_model_close(w.model);
    free(w.logits);
    file_bytes_release(&input);
    return rc != ERR_OK;
}

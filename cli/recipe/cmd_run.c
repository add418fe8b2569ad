#include "cli/cmd.h"
#include "cli/open/model.h"
#include "cli/opt/stray.h"
#include "cli/out/bar.h"
#include "cli/out/interrupt.h"
#include "cli/out/json.h"
#include "cli/out/say.h"

#include "pipeline/infer.h"

#include "base/clock.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_PROCESSES = 256, MAX_INSTANCES = 1024, MAX_BATCH = 256, TICK_US = 100000 };

struct run_args {
    struct model_args model;
    const char *datalist, *out, *vdsp_params;
    int instances, processes, batch;
    bool force;
};

static const struct opt run_opts[] = {
    MODEL_OPTS(offsetof(struct run_args, model), true),
    {.name = "datalist",
     .value = "FILE",
     .help = "the input npz files, a path a line, as npz writes them",
     .kind = OPT_TEXT,
     .offset = offsetof(struct run_args, datalist),
     .required = true},
    {.name = "path_output",
     .value = "OUT",
     .help = "folder for the results, which holds nothing else",
     .kind = OPT_TEXT,
     .offset = offsetof(struct run_args, out),
     .required = true},
    {.name = "vdsp_params",
     .value = "F.json",
     .help = "preprocess uint8 inputs as this says instead of as the preset does",
     .kind = OPT_TEXT,
     .offset = offsetof(struct run_args, vdsp_params)},
    {.letter = 'i',
     .name = "instances",
     .value = "N",
     .help = "inputs worked on at the same time; default: one a thread",
     .kind = OPT_INT,
     .min = 1,
     .max = MAX_INSTANCES,
     .offset = offsetof(struct run_args, instances)},
    {.letter = 'p',
     .name = "processes",
     .value = "N",
     .help = "processes that the instances are spread over; default 1",
     .kind = OPT_INT,
     .min = 1,
     .max = MAX_PROCESSES,
     .offset = offsetof(struct run_args, processes)},
    {.letter = 'b',
     .name = "batch_size",
     .value = "N",
     .help = "inputs that an instance takes at once; default 1",
     .kind = OPT_INT,
     .min = 1,
     .max = MAX_BATCH,
     .offset = offsetof(struct run_args, batch)},
    {.name = "force",
     .help = "compute results again that are there and whole",
     .kind = OPT_FLAG,
     .offset = offsetof(struct run_args, force)},
    {0},
};
static const struct run_args run_defaults = {.processes = 1, .batch = 1};

// What a process has done so far; in memory that all of them see.
struct share {
    struct pipe_infer_result result;
    struct err err;
};

struct run {
    const struct cli *cli;
    struct pipe_infer spec;
    struct share *shares;
    int processes;
    struct bar bar;
};

static void tell_error(void *ctx, const char *message)
{
    say_error(((struct run *)ctx)->cli, message);
}

// What all processes have done.
static void draw(struct run *run)
{
    size_t done = 0;
    for (int i = 0; i < run->processes; i++) {
        const struct pipe_infer_result *r = &run->shares[i].result;
        done += r->written + r->kept + r->failed;
    }
    bar_tell(&run->bar, done, ds_count(run->spec.ds));
}

// The part of one process.
static enum err_code run_part(struct run *run, int self, struct err *e)
{
    const struct pipe_infer_watch watch = {tell_error, run, {bar_tell, &run->bar}};
    struct pipe_infer part = run->spec;
    int extra = part.instances % run->processes;
    part.first = self;
    part.step = run->processes;
    part.instances = part.instances / run->processes + (self < extra);
    part.threads = part.threads / run->processes > 1 ? part.threads / run->processes : 1;
    return pipe_infer_run(&part, &watch, &run->shares[self].result, e);
}

static _Noreturn void child(struct run *run, int self)
{
    run->bar.on = false;
    (void)run_part(run, self, &run->shares[self].err);
    (void)fflush(NULL);
    _exit(0);
}

static enum err_code await(struct run *run, const pid_t *children, struct err *e)
{
    enum err_code rc = ERR_OK;
    for (int i = 0; i < run->processes; i++) {
        int status = 0;
        pid_t got;
        while (children[i] > 0 && (got = waitpid(children[i], &status, WNOHANG)) <= 0) {
            if (got < 0 && errno != EINTR)
                break;
            draw(run);
            (void)usleep(TICK_US);
        }
        const struct err *err = &run->shares[i].err;
        if (rc == ERR_OK && children[i] <= 0)
            rc = err_set(e, ERR_IO, "run: cannot start process %d", i + 1);
        else if (rc == ERR_OK && err->code != ERR_OK)
            rc = err_set(e, err->code, "%s", err->msg);
        else if (rc == ERR_OK && status != 0)
            rc = err_set(e, ERR_FAILED, "run: process %d of %d ended by a signal", i + 1,
                         run->processes);
    }
    return rc;
}

static enum err_code run_all(struct run *run, struct err *e)
{
    pid_t children[MAX_PROCESSES] = {0};
    if (run->processes == 1)
        return run_part(run, 0, e);
    (void)fflush(NULL);
    for (int i = 0; i < run->processes; i++) {
        children[i] = fork();
        if (children[i] == 0)
            child(run, i);
        if (children[i] < 0)
            break;
    }
    return await(run, children, e);
}

static enum err_code print_result(const struct run *run, double seconds, struct err *e)
{
    struct pipe_infer_result r = {0};
    for (int i = 0; i < run->processes; i++) {
        r.written += run->shares[i].result.written;
        r.kept += run->shares[i].result.kept;
        r.failed += run->shares[i].result.failed;
    }
    double rate = seconds > 0 ? (double)r.written / seconds : (double)NAN;
    if (run->cli->json) {
        cJSON *document = cJSON_CreateObject();
        json_number(document, "images", (double)(r.written + r.kept + r.failed));
        json_number(document, "written", (double)r.written);
        json_number(document, "kept", (double)r.kept);
        json_number(document, "failed", (double)r.failed);
        json_number(document, "seconds", seconds);
        json_number(document, "images_per_second", rate);
        enum err_code rc = json_print(document, e);
        if (rc != ERR_OK)
            return rc;
    } else {
        (void)printf("%zu written, %zu kept, %zu failed; %.3f s\n", r.written, r.kept,
                     r.failed, seconds);
    }
    if (r.failed)
        return err_set(e, ERR_FAILED,
                       "%s: %zu inputs have no result: scripts that pair results by "
                       "their sorted place will go wrong",
                       run->spec.out, r.failed);
    return ERR_OK;
}

static enum err_code choose_instances(const struct cli *cli, const struct run_args *args,
                                      size_t inputs, int *instances, struct err *e)
{
    *instances = args->instances ? args->instances : cli->threads;
    if (!args->instances && inputs < (size_t)cli->threads)
        *instances = 1;
    if (!args->instances && *instances < args->processes)
        *instances = args->processes;
    if (args->processes > *instances)
        return err_set(e, ERR_USAGE,
                       "run: %d processes for %d instances, expected at most one each",
                       args->processes, *instances);
    return ERR_OK;
}

static enum err_code check_size(const struct run_args *args, const struct ds_vdsp *vdsp,
                                struct err *e)
{
    const struct opt_chw *shape = &args->model.shape;
    if (shape->height && (shape->height != vdsp->height || shape->width != vdsp->width))
        return err_set(e, ERR_USAGE, "run: -s [3,%d,%d], but %s makes %dx%d",
                       shape->height, shape->width, args->vdsp_params, vdsp->width,
                       vdsp->height);
    return ERR_OK;
}

static enum err_code open_vdsp(const struct run_args *args, struct ds_vdsp *vdsp,
                               struct err *e)
{
    if (!args->vdsp_params)
        return ERR_OK;
    enum err_code rc = ds_vdsp_open(args->vdsp_params, vdsp, e);
    return rc == ERR_OK ? check_size(args, vdsp, e) : rc;
}

// Runs what is set up and tells how it went.
static enum err_code run_shared(struct run *run, double begin, struct err *e)
{
    size_t bytes = (size_t)run->processes * sizeof *run->shares;
    void *shared =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return err_set_errno(e, errno, "run", "no memory for the processes");
    run->shares = shared;
    bar_open(&run->bar, run->cli);
    enum err_code rc = run_all(run, e);
    bar_close(&run->bar);
    if (rc == ERR_OK)
        rc = print_result(run, clock_now() - begin, e);
    (void)munmap(shared, bytes);
    return rc;
}

static enum err_code run_run(struct cli *cli, void *fields, struct err *e)
{
    enum err_code rc;
    struct run_args *args = fields;
    struct pipe_setup setup = {0};
    struct ds_vdsp vdsp;
    struct ds *ds = NULL;
    const struct ds_opts opts = {0};
    struct run run = {.cli = cli};
    double begin = clock_now();
    TRY(stray_processes(cli, "run", MAX_PROCESSES, &args->processes, e));
    TRY(ds_open(args->datalist, &opts, &ds, e));
    TRY(open_vdsp(args, &vdsp, e));
    TRY(model_setup_open(cli, &args->model, &setup, e));
    run.spec = (struct pipe_infer){
        .setup = &setup,
        .vdsp = args->vdsp_params ? &vdsp : NULL,
        .ds = ds,
        .out = args->out,
        .batch = args->batch,
        .threads = cli->threads,
        .force = args->force,
        .cancel = interrupt_watch(),
    };
    run.processes = args->processes;
    TRY(choose_instances(cli, args, ds_count(ds), &run.spec.instances, e));
    TRY(pipe_infer_folder(ds, args->out, e));
    rc = run_shared(&run, begin, e);
out:
    pipe_setup_release(&setup);
    ds_close(ds);
    return rc;
}

const struct cmd cmd_run = {
    .name = "run",
    .operands = "",
    .max_operands = 2,
    .about = "Runs the network on npz files and writes a result npz each, with the key "
             "output_0: float32 [1,C] probabilities. Inputs are uint8 [3,H,W] RGB "
             "pictures, or float32 [1,3,H,W] preprocessed already. Can be stopped at "
             "any time and goes on where it was.",
    .opts = run_opts,
    .size = sizeof(struct run_args),
    .defaults = &run_defaults,
    .run = run_run,
};

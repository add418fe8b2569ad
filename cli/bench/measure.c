#include "cli/bench/bench.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BATCHES_A_SECOND = 20000 }; // more than any network does

struct bench {
    const struct bench_spec *spec;
    const atomic_bool *cancel;
    struct bench_turns *turns;        // shared
    struct bench_instance *instances; // shared
    size_t bytes;                     // of all that is shared
    pid_t *children;                  // [processes], 0: none
    struct member *members;           // [instances] that run in this process
    double *peaks;
    size_t peak_count, peak_cap;
};

// A thread of this process.
struct member {
    struct bench *bench;
    int self;
    bool started;
    pthread_t thread;
};

// ---- shared memory ----

static size_t timed_batches(const struct bench_spec *spec)
{
    size_t by_time = (size_t)(spec->seconds * BATCHES_A_SECOND) + 1;
    size_t by_count = (size_t)spec->iterations;
    if (spec->seconds <= 0)
        return by_count;
    return by_count && by_count < by_time ? by_count : by_time;
}

// Pages that stay untouched take no memory.
static enum err_code share(struct bench *b, struct err *e)
{
    const struct bench_spec *spec = b->spec;
    size_t layers = (size_t)eng_model_info(spec->model)->layer_count;
    size_t n = (size_t)spec->instances, cap = timed_batches(spec);
    size_t doubles = 2 * cap + layers;
    b->bytes = sizeof *b->turns + n * (sizeof *b->instances + doubles * sizeof(double));
    char *start = mmap(NULL, b->bytes, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) {
        (void)err_set(e, ERR_NOMEM, "bench: no memory for %zu batches of %zu instances",
                      cap, n);
        return ERR_NOMEM;
    }
    b->turns = (void *)start;
    b->instances = (void *)(start + sizeof *b->turns);
    double *values = (void *)(b->instances + n);
    for (size_t i = 0; i < n; i++, values += doubles)
        b->instances[i] = (struct bench_instance){
            .cap = cap, .model = values, .e2e = values + cap, .layers = values + 2 * cap};
    return ERR_OK;
}

// ---- threads and processes ----

static void *member_main(void *arg)
{
    struct member *m = arg;
    struct bench *b = m->bench;
    bench_instance_run(b->spec, b->turns, &b->instances[m->self], m->self);
    return NULL;
}

// Starts the instances of one process, every `processes`-th.
static enum err_code start_members(struct bench *b, int process, struct err *e)
{
    for (int i = process; i < b->spec->instances; i += b->spec->processes) {
        struct member *m = &b->members[i];
        *m = (struct member){.bench = b, .self = i};
        int errnum = pthread_create(&m->thread, NULL, member_main, m);
        if (errnum != 0)
            return err_set(e, ERR_NOMEM, "bench: cannot start instance %d: %s", i + 1,
                           strerror(errnum));
        m->started = true;
    }
    return ERR_OK;
}

static void join_members(struct bench *b)
{
    for (int i = 0; i < b->spec->instances; i++)
        if (b->members[i].started)
            (void)pthread_join(b->members[i].thread, NULL);
}

static _Noreturn void child_main(struct bench *b, int process)
{
    struct err e = {0};
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (start_members(b, process, &e) != ERR_OK) {
        b->turns->err = e;
        atomic_store(&b->turns->failed, true);
    }
    join_members(b);
    _exit(0);
}

static enum err_code start(struct bench *b, struct err *e)
{
    if (b->spec->processes == 1)
        return start_members(b, 0, e);
    (void)fflush(NULL); // what is buffered must not be written twice
    for (int i = 0; i < b->spec->processes; i++) {
        pid_t child = fork();
        if (child == 0)
            child_main(b, i);
        if (child < 0)
            return err_set_errno(e, errno, "bench", "cannot start a process");
        b->children[i] = child;
    }
    return ERR_OK;
}

static void stop(struct bench *b)
{
    atomic_store(&b->turns->turn, BENCH_QUIT);
    join_members(b);
    for (int i = 0; i < b->spec->processes; i++)
        while (b->children[i] > 0 && waitpid(b->children[i], NULL, 0) < 0 &&
               errno == EINTR) {
        }
}

static enum err_code check_children(struct bench *b, struct err *e)
{
    for (int i = 0; i < b->spec->processes; i++) {
        int status;
        if (b->children[i] > 0 && waitpid(b->children[i], &status, WNOHANG) > 0) {
            b->children[i] = 0;
            if (!atomic_load(&b->turns->failed))
                return err_set(e, ERR_FAILED, "bench: process %d of %d ended by itself",
                               i + 1, b->spec->processes);
        }
    }
    return ERR_OK;
}

// Until every instance has ended `turns` turns, warming up counted.
static enum err_code await(struct bench *b, int turns, struct err *e)
{
    while (atomic_load(&b->turns->arrived) < turns * b->spec->instances) {
        enum err_code rc = check_children(b, e);
        if (rc != ERR_OK)
            return rc;
        if (atomic_load(&b->turns->failed))
            return err_set(e, b->turns->err.code, "%s", b->turns->err.msg);
        if (atomic_load(b->cancel))
            return err_set(e, ERR_INTERRUPTED, "bench: interrupted");
        bench_rest();
    }
    return ERR_OK;
}

// ---- figures ----

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void take_peak(struct bench *b)
{
    double peak = eng_peak_gflops(eng_model_info(b->spec->model)->isa, b->spec->threads);
    if (mem_grow(&b->peaks, &b->peak_cap, b->peak_count + 1, sizeof *b->peaks))
        b->peaks[b->peak_count++] = peak;
}

// Proportional set size: a page that n processes share counts as 1/n in each.
static double pss_mib(pid_t pid)
{
    char path[48], line[256];
    double kib = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "Pss:", 4) == 0)
            kib = strtod(line + 4, NULL);
    if (f)
        (void)fclose(f);
    return kib / 1024;
}

static void take_memory(const struct bench *b, struct bench_result *out)
{
    struct rusage usage = {0};
    (void)getrusage(RUSAGE_SELF, &usage);
    out->pss_mib = pss_mib(getpid());
    for (int i = 0; i < b->spec->processes; i++)
        if (b->children[i] > 0)
            out->pss_mib += pss_mib(b->children[i]);
    out->rss_mib = (double)usage.ru_maxrss / 1024;
    if (out->rss_mib < out->pss_mib)
        out->rss_mib = out->pss_mib;
}

static enum err_code take_times(const struct bench *b, struct bench_result *out,
                                struct err *e)
{
    const struct bench_spec *spec = b->spec;
    size_t layers = (size_t)eng_model_info(spec->model)->layer_count, at = 0;
    for (int i = 0; i < spec->instances; i++)
        out->batches += b->instances[i].count;
    out->model = mem_array(out->batches, sizeof *out->model);
    out->e2e = mem_array(out->batches, sizeof *out->e2e);
    if (!out->model || !out->e2e)
        return err_set(e, ERR_NOMEM, "bench: no memory for %zu times", out->batches);
    for (int i = 0; i < spec->instances; i++) {
        const struct bench_instance *instance = &b->instances[i];
        memcpy(out->model + at, instance->model, instance->count * sizeof *out->model);
        memcpy(out->e2e + at, instance->e2e, instance->count * sizeof *out->e2e);
        at += instance->count;
        out->rate += (double)instance->count * spec->batch / instance->busy;
        if (out->seconds < instance->busy)
            out->seconds = instance->busy;
        for (size_t k = 0; k < layers; k++)
            out->layers[k] +=
                instance->layers[k] / (double)out->batches / (double)spec->batch;
    }
    qsort(out->model, out->batches, sizeof *out->model, by_value);
    qsort(out->e2e, out->batches, sizeof *out->e2e, by_value);
    qsort(b->peaks, b->peak_count, sizeof *b->peaks, by_value);
    out->peak = b->peak_count ? b->peaks[b->peak_count / 2] : 0;
    return ERR_OK;
}

// Multiply-adds at the size asked for; that it is large enough shows here, too.
static enum err_code take_work(const struct bench_spec *spec, struct bench_result *out,
                               struct err *e)
{
    struct eng_session *session = NULL;
    int layers = eng_model_info(spec->model)->layer_count;
    enum err_code rc =
        eng_session_open(spec->model, spec->height, spec->width, 1, 1, &session, e);
    if (rc != ERR_OK)
        return rc;
    out->layers = mem_new((size_t)layers * sizeof *out->layers);
    out->macs = mem_new((size_t)layers * sizeof *out->macs);
    eng_session_layer_macs(session, out->macs);
    uint64_t all = 0;
    for (int i = 0; i < layers; i++)
        all += out->macs[i];
    out->gmac = 1e-9 * (double)all;
    eng_session_close(session);
    return ERR_OK;
}

static bool all_done(const struct bench *b)
{
    for (int i = 0; i < b->spec->instances; i++)
        if (!bench_is_done(b->spec, &b->instances[i]))
            return false;
    return true;
}

static enum err_code run_turns(struct bench *b, struct bench_result *out, struct err *e)
{
    enum err_code rc;
    TRY(await(b, 1, e));
    for (int turn = 1; !all_done(b); turn++) {
        take_peak(b);
        atomic_store(&b->turns->turn, turn);
        TRY(await(b, turn + 1, e));
    }
    take_peak(b);
    take_memory(b, out);
    rc = take_times(b, out, e);
out:
    return rc;
}

enum err_code bench_measure(const struct bench_spec *spec, const atomic_bool *cancel,
                            struct bench_result *out, struct err *e)
{
    enum err_code rc;
    struct bench b = {.spec = spec, .cancel = cancel};
    b.children = mem_new((size_t)spec->processes * sizeof *b.children);
    b.members = mem_new((size_t)spec->instances * sizeof *b.members);
    TRY(take_work(spec, out, e));
    TRY(share(&b, e));
    rc = start(&b, e);
    if (rc == ERR_OK)
        rc = run_turns(&b, out, e);
    stop(&b);
    (void)munmap(b.turns, b.bytes);
out:
    free(b.children);
    free(b.members);
    free(b.peaks);
    return rc;
}

void bench_result_release(struct bench_result *result)
{
    free(result->model);
    free(result->e2e);
    free(result->layers);
    free(result->macs);
    *result = (struct bench_result){0};
}

// A pipeline without an engine: rows follow from the index of the picture alone, so that
// screens can be compared with files. Defines everything that the explorer calls of
// pipeline and engine.
//   XLENS_FAKE_DELAY   milliseconds a picture (default 0)
//   XLENS_FAKE_THREADS threads that burn CPU while a job runs (default 0)

#include "pipeline/pipeline.h"

#include "base/clock.h"
#include "base/mem.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { BURNERS = 16 };

struct pipe_job {
    const struct ds *ds;
    size_t *items;
    size_t total, done, failed, labelled, top1, top5, taken;
    bool paused, cancelled, finished;
    int classes, burners;
    int fd;
    double delay;
    pthread_t thread, burner[BURNERS];
    pthread_mutex_t lock;
    atomic_bool stop;
};

struct eng_model {
    int unused;
} fake_model;
static const struct eng_info info = {.path = "fake.keras",
                                     .arch = "keras_xception",
                                     .precision = ENG_FLOAT32,
                                     .hash = "00000000000000000000000000000000"};

const struct eng_info *eng_model_info(const struct eng_model *model)
{
    (void)model;
    return &info;
}

const char *eng_precision_name(enum eng_precision precision)
{
    (void)precision;
    return "float32";
}

// The name of the file says what becomes of it: a damaged one, or one that is open once
// the file XLENS_FAKE_GATE exists. Its classes are those of the dataset.
const struct labels *fake_labels;

enum err_code pipe_setup_open(const struct pipe_setup_opts *opts, struct pipe_setup *out,
                              struct err *e)
{
    *out = (struct pipe_setup){0};
    if (strstr(opts->model, "damaged"))
        return err_set(e, ERR_FORMAT, "%s: not a model", opts->model);
    const char *gate = getenv("XLENS_FAKE_GATE");
    while (gate && access(gate, F_OK) != 0)
        (void)usleep(10000);
    out->model = &fake_model;
    out->labels = fake_labels;
    return ERR_OK;
}

void pipe_setup_release(struct pipe_setup *setup)
{
    (void)setup;
}

static unsigned hash(unsigned x)
{
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return x ^ x >> 16;
}

// Two of three are right; errors go to one of the two classes that follow.
static struct row predict(const struct pipe_job *job, size_t item)
{
    const struct ds_item *it = ds_item(job->ds, item);
    unsigned h = hash((unsigned)item + 1);
    struct row row = {.file = it->name, .label = it->label};
    if (strstr(it->name, "damaged")) {
        row.error = "truncated JPEG";
        return row;
    }
    int base = it->label >= 0 ? it->label : (int)(h % (unsigned)job->classes);
    int shift = h % 3 ? 0 : 1 + (int)(h / 3 % 2);
    double rest = 0.02 + 0.6 * (h >> 8 & 0xff) / 255;
    row.count = job->classes < ROW_TOPK ? job->classes : ROW_TOPK;
    for (int k = 0; k < row.count; k++) {
        // The first two trade places where the answer is wrong.
        int step = k == 0 ? shift : k == shift ? 0 : k;
        row.top[k] = (base + step) % job->classes;
        row.prob[k] = (float)(k == 0 ? 1 - rest : rest / (1 << k));
    }
    return row;
}

static void *work(void *arg)
{
    struct pipe_job *job = arg;
    for (;;) {
        pthread_mutex_lock(&job->lock);
        bool ends = job->cancelled || job->done == job->total;
        bool paused = job->paused && !job->cancelled;
        if (ends) {
            job->finished = true;
        } else if (!paused) {
            struct row row = predict(job, job->items[job->done]);
            job->done++;
            job->failed += row.error != NULL;
            if (row_scored(&row)) {
                int rank = row_rank(&row);
                job->labelled++;
                job->top1 += rank == 0;
                job->top5 += rank >= 0;
            }
        }
        pthread_mutex_unlock(&job->lock);
        uint64_t one = 1;
        if ((ends || !paused) && write(job->fd, &one, sizeof one) < 0)
            return NULL;
        if (ends)
            return NULL;
        if (paused || job->delay > 0)
            clock_sleep(paused ? 0.01 : job->delay);
    }
}

static void *burn(void *arg)
{
    struct pipe_job *job = arg;
    volatile unsigned x = 0;
    while (!atomic_load(&job->stop))
        x = hash(x + 1);
    return NULL;
}

static double env_number(const char *name)
{
    const char *text = getenv(name);
    return text ? strtod(text, NULL) : 0;
}

enum err_code pipe_job_start(const struct pipe_spec *spec, struct pipe_job **out,
                             struct err *e)
{
    (void)e;
    struct pipe_job *job = mem_new(sizeof *job);
    job->ds = spec->ds;
    job->classes = labels_count(spec->setup->labels);
    job->total = spec->subset ? spec->subset_count : ds_count(spec->ds);
    job->items = mem_array(job->total, sizeof job->items[0]);
    for (size_t i = 0; i < job->total; i++)
        job->items[i] = spec->subset ? spec->subset[i] : i;
    job->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    job->delay = env_number("XLENS_FAKE_DELAY") / 1000;
    pthread_mutex_init(&job->lock, NULL);
    pthread_create(&job->thread, NULL, work, job);
    job->burners = (int)env_number("XLENS_FAKE_THREADS");
    job->burners = job->burners > BURNERS ? BURNERS : job->burners;
    for (int i = 0; i < job->burners; i++)
        pthread_create(&job->burner[i], NULL, burn, job);
    *out = job;
    return ERR_OK;
}

int pipe_job_fd(const struct pipe_job *job)
{
    return job->fd;
}

size_t pipe_job_take(struct pipe_job *job, struct pipe_event *events, size_t max)
{
    uint64_t count;
    ssize_t got = read(job->fd, &count, sizeof count);
    (void)got;
    pthread_mutex_lock(&job->lock);
    size_t n = 0;
    for (; n < max && job->taken < job->done; n++, job->taken++) {
        size_t item = job->items[job->taken];
        events[n] = (struct pipe_event){.item = item, .row = predict(job, item)};
    }
    pthread_mutex_unlock(&job->lock);
    return n;
}

void pipe_job_progress(struct pipe_job *job, struct pipe_progress *out)
{
    pthread_mutex_lock(&job->lock);
    *out = (struct pipe_progress){
        .total = job->total,
        .done = job->done,
        .failed = job->failed,
        .labelled = job->labelled,
        .top1 = job->top1,
        .top5 = job->top5,
        .images_per_second = job->delay > 0 ? 1 / job->delay : 0,
        .eta_seconds =
            job->delay > 0 ? (double)(job->total - job->done) * job->delay : (double)NAN,
        .paused = job->paused,
        .finished = job->finished,
        .code = job->finished && job->done < job->total ? ERR_INTERRUPTED : ERR_OK,
    };
    pthread_mutex_unlock(&job->lock);
}

void pipe_job_pause(struct pipe_job *job, bool paused)
{
    pthread_mutex_lock(&job->lock);
    job->paused = paused;
    pthread_mutex_unlock(&job->lock);
}

void pipe_job_cancel(struct pipe_job *job)
{
    pthread_mutex_lock(&job->lock);
    job->cancelled = true;
    pthread_mutex_unlock(&job->lock);
}

void pipe_job_wait(struct pipe_job *job)
{
    (void)job;
}

void pipe_job_close(struct pipe_job *job)
{
    pipe_job_cancel(job);
    pthread_join(job->thread, NULL);
    atomic_store(&job->stop, true);
    for (int i = 0; i < job->burners; i++)
        pthread_join(job->burner[i], NULL);
    close(job->fd);
    pthread_mutex_destroy(&job->lock);
    free(job->items);
    free(job);
}

enum err_code pipe_npz_write(const struct pipe_npz *spec, pipe_npz_error_fn *on_error,
                             void *ctx, struct pipe_npz_result *result, struct err *e)
{
    (void)on_error, (void)ctx;
    *result = (struct pipe_npz_result){.written = spec->subset_count};
    if (!spec->text_path)
        return ERR_OK;
    FILE *out = fopen(spec->text_path, "w");
    if (!out)
        return err_set(e, ERR_IO, "%s: cannot be written", spec->text_path);
    (void)fprintf(out, "%zu files\n", spec->subset_count);
    (void)fclose(out);
    return ERR_OK;
}

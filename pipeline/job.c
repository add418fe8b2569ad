#include "pipeline/job.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/str.h"
#include "base/wilson.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

size_t job_item(const struct pipe_job *job, size_t position)
{
    return job->spec.subset ? job->spec.subset[position] : position;
}

const char *job_reason(const char *message, const char *path)
{
    size_t n = strlen(path);
    if (strncmp(message, path, n) == 0 && strncmp(message + n, ": ", 2) == 0)
        return message + n + 2;
    return message;
}

bool job_stat(const char *path, struct cache_stat *out)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return false;
    *out = (struct cache_stat){st.st_size, (int64_t)st.st_mtim.tv_sec * 1000000000 +
                                               st.st_mtim.tv_nsec};
    return true;
}

double job_clock(const struct pipe_job *job)
{
    double now = job->progress.paused ? job->paused_at : clock_now();
    return now - job->started_at - job->paused_total;
}

void job_signal(struct pipe_job *job)
{
    uint64_t one = 1;
    if (!job->signalled && write(job->fd, &one, sizeof one) == (ssize_t)sizeof one)
        job->signalled = true;
}

// Of top-1, in percent points.
static double half_interval(const struct pipe_progress *p)
{
    double centre, half;
    wilson_95(p->top1, p->labelled, &centre, &half);
    return 100 * half;
}

static void count_row(struct pipe_job *job, const struct row *row, bool from_cache)
{
    struct pipe_progress *p = &job->progress;
    p->done++;
    p->failed += row->error != NULL;
    p->from_cache += from_cache;
    if (row_scored(row)) {
        p->labelled++;
        p->top1 += row_correct(row);
        p->top5 += row_rank(row) >= 0;
        if (job->spec.until > 0 && half_interval(p) < job->spec.until) {
            p->until_reached = true;
            job->stopping = true;
            pthread_cond_broadcast(&job->work);
        }
    }
    if (!from_cache)
        job->rate_times[job->computed++ % JOB_RATE_WINDOW] = job_clock(job);
}

void job_emit(struct pipe_job *job, const struct outcome *o)
{
    pthread_mutex_lock(&job->lock);
    bool room =
        mem_grow(&job->events, &job->event_cap, job->event_count + 1,
                 sizeof *job->events) &&
        (o->path == NULL || mem_grow(&job->pending.all, &job->pending.cap,
                                     job->pending.count + 1, sizeof *job->pending.all));
    if (room) {
        job->events[job->event_count++] =
            (struct pipe_event){o->item, o->row, o->from_cache};
        if (o->path)
            job->pending.all[job->pending.count++] = *o;
        count_row(job, &o->row, o->from_cache);
        job_signal(job);
    }
    pthread_mutex_unlock(&job->lock);
    if (!room) {
        struct err e = {0};
        (void)err_set(&e, ERR_NOMEM, "no memory for %zu rows", job->total);
        job_fail(job, &e);
        free(o->path);
    }
}

void job_fail(struct pipe_job *job, const struct err *e)
{
    pthread_mutex_lock(&job->lock);
    if (job->progress.code == ERR_OK) {
        job->progress.code = e->code;
        memcpy(job->progress.message, e->msg, sizeof e->msg);
    }
    job->stopping = true;
    job_signal(job);
    pthread_cond_broadcast(&job->work);
    pthread_cond_signal(&job->news);
    pthread_mutex_unlock(&job->lock);
}

// ---- starting ----

static enum err_code order_positions(struct pipe_job *job, struct err *e)
{
    job->positions = mem_array(job->total, sizeof *job->positions);
    job->queue = mem_array(job->total, sizeof *job->queue);
    if (!job->positions || !job->queue)
        return err_set(e, ERR_NOMEM, "no memory for a job of %zu pictures", job->total);
    for (size_t i = 0; i < job->total; i++)
        job->positions[i] = i;
    if (job->spec.shuffle)
        random_shuffle(job->positions, job->total, 299); // the same order in every run
    return ERR_OK;
}

// The names of the model; where it has none, the dataset's own, when they can be its.
static enum err_code keep_labels(struct pipe_job *job, struct err *e)
{
    const struct pipe_setup *setup = job->spec.setup;
    const struct labels *own = ds_own_labels(job->spec.ds);
    char *json = labels_to_json(setup->labels);
    if (!json && own && setup->labels != labels_imagenet() &&
        labels_count(own) == labels_count(setup->labels))
        json = labels_to_json(own);
    // Names that were given once stay until others are.
    enum err_code rc =
        json ? cache_run_labels(job->cache, job->progress.run, json, e) : ERR_OK;
    free(json);
    return rc;
}

static enum err_code open_run(struct pipe_job *job, struct err *e)
{
    enum err_code rc;
    const struct pipe_spec *spec = &job->spec;
    const struct eng_info *info = eng_model_info(spec->setup->model);
    char key[DS_PREP_KEY_MAX];
    ds_prep_key(&spec->setup->prep, key);
    struct cache_variant variant = {
        .model_hash = info->hash,
        .prep_key = key,
        .precision = eng_precision_name(info->precision),
        .numeric_version = ENG_NUMERIC_VERSION,
        .model_path = info->path,
        .arch = info->arch,
        .classes = info->classes,
        .isa = eng_isa_name(info->isa),
    };
    TRY(cache_open(spec->db, true, &job->cache, e));
    TRY(cache_variant_id(job->cache, &variant, &job->variant, e));
    TRY(cache_run_open(job->cache, job->variant, ds_root(spec->ds), spec->name,
                       (int64_t)ds_count(spec->ds), &job->progress.run, e));
    TRY(keep_labels(job, e));
    TRY(cache_commit(job->cache, e));
out:
    return rc;
}

// Few pictures: one instance with all threads. Else an instance a thread, which keeps
// every core busy and overlaps one's decoding with the others' networks.
static enum err_code open_instances(struct pipe_job *job, struct err *e)
{
    enum err_code rc = ERR_OK;
    const struct pipe_spec *spec = &job->spec;
    const struct ds_prep *prep = &spec->setup->prep;
    const struct eng_info *info = eng_model_info(spec->setup->model);
    int threads = spec->threads > 1 ? spec->threads : 1;
    bool few = job->total < (size_t)threads;
    int count = few ? 1 : threads;
    size_t pixels = (size_t)prep->height * (size_t)prep->width * 3;
    job->instances = mem_new((size_t)count * sizeof *job->instances);
    for (int i = 0; i < count; i++) {
        struct instance *in = &job->instances[job->instance_count++];
        in->job = job;
        in->hwc = mem_array(pixels, 1);
        in->chw = mem_array(pixels, sizeof *in->chw);
        in->logits = mem_array((size_t)info->classes, sizeof *in->logits);
        if (!in->hwc || !in->chw || !in->logits)
            return err_set(e, ERR_NOMEM, "no memory for a picture of %dx%d", prep->width,
                           prep->height);
        TRY(eng_session_open(spec->setup->model, prep->height, prep->width, 1,
                             few ? threads : 1, &in->session, e));
        if (job->cache && job->lookups)
            TRY(cache_open(spec->db, false, &in->cache, e));
    }
out:
    return rc;
}

static enum err_code start_threads(struct pipe_job *job, struct err *e)
{
    job->started_at = clock_now();
    job->working = job->instance_count;
    int failed = pthread_create(&job->writer, NULL, job_writer_main, job);
    job->writer_started = !failed;
    for (int i = 0; i < job->instance_count && !failed; i++) {
        struct instance *in = &job->instances[i];
        failed = pthread_create(&in->thread, NULL, job_instance_main, in);
        in->started = !failed;
    }
    if (!failed)
        return ERR_OK;
    // Those that never started count as having returned.
    pthread_mutex_lock(&job->lock);
    job->stopping = true;
    for (int i = 0; i < job->instance_count; i++)
        job->working -= !job->instances[i].started;
    pthread_cond_broadcast(&job->work);
    pthread_cond_signal(&job->news);
    pthread_mutex_unlock(&job->lock);
    return err_set_errno(e, failed, "job", "cannot start a thread");
}

enum err_code pipe_job_start(const struct pipe_spec *spec, struct pipe_job **out,
                             struct err *e)
{
    enum err_code rc;
    struct pipe_job *job = mem_new(sizeof *job);
    pthread_condattr_t attr;
    job->spec = *spec;
    job->total = spec->subset ? spec->subset_count : ds_count(spec->ds);
    job->lookups = spec->db && !spec->force && !spec->logits && !spec->features;
    job->progress.total = job->total;
    pthread_mutex_init(&job->lock, NULL);
    pthread_cond_init(&job->work, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&job->news, &attr);
    pthread_condattr_destroy(&attr);
    job->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (job->fd < 0)
        TRY(err_set_errno(e, errno, "job", "cannot create an event descriptor"));
    TRY(order_positions(job, e));
    if (spec->db)
        TRY(open_run(job, e));
    TRY(open_instances(job, e));
    TRY(start_threads(job, e));
out:
    if (rc != ERR_OK) {
        pipe_job_close(job);
        job = NULL;
    }
    *out = job;
    return rc;
}

// ---- watching ----

int pipe_job_fd(const struct pipe_job *job)
{
    return job->fd;
}

size_t pipe_job_take(struct pipe_job *job, struct pipe_event *events, size_t max)
{
    uint64_t count;
    pthread_mutex_lock(&job->lock);
    size_t n = job->event_count - job->event_head;
    n = n < max ? n : max;
    if (n)
        memcpy(events, job->events + job->event_head, n * sizeof *events);
    job->event_head += n;
    if (job->event_head == job->event_count) {
        job->event_head = job->event_count = 0;
        if (job->signalled && read(job->fd, &count, sizeof count) > 0)
            job->signalled = false;
    }
    pthread_mutex_unlock(&job->lock);
    return n;
}

static double recent_rate(const struct pipe_job *job)
{
    size_t n = job->computed < JOB_RATE_WINDOW ? job->computed : JOB_RATE_WINDOW;
    if (n == 0)
        return 0;
    double last = job->rate_times[(job->computed - 1) % JOB_RATE_WINDOW];
    double first =
        n < JOB_RATE_WINDOW ? 0 : job->rate_times[job->computed % JOB_RATE_WINDOW];
    double steps = n < JOB_RATE_WINDOW ? (double)n : (double)(n - 1);
    return last > first ? steps / (last - first) : 0;
}

void pipe_job_progress(struct pipe_job *job, struct pipe_progress *out)
{
    pthread_mutex_lock(&job->lock);
    struct pipe_progress *p = &job->progress;
    if (!p->finished)
        p->seconds = job_clock(job);
    p->images_per_second = recent_rate(job);
    double left = (double)(p->total - p->done);
    p->eta_seconds = p->done == p->total        ? 0
                     : p->images_per_second > 0 ? left / p->images_per_second
                                                : (double)NAN;
    *out = *p;
    pthread_mutex_unlock(&job->lock);
}

void pipe_job_pause(struct pipe_job *job, bool paused)
{
    pthread_mutex_lock(&job->lock);
    if (paused != job->progress.paused && !job->progress.finished) {
        if (paused)
            job->paused_at = clock_now();
        else
            job->paused_total += clock_now() - job->paused_at;
        job->progress.paused = paused;
        pthread_cond_broadcast(&job->work);
        pthread_cond_signal(&job->news);
    }
    pthread_mutex_unlock(&job->lock);
}

void pipe_job_cancel(struct pipe_job *job)
{
    pthread_mutex_lock(&job->lock);
    job->stopping = true;
    pthread_cond_broadcast(&job->work);
    pthread_cond_signal(&job->news);
    pthread_mutex_unlock(&job->lock);
}

void pipe_job_wait(struct pipe_job *job)
{
    if (job->joined)
        return;
    job->joined = true;
    for (int i = 0; i < job->instance_count; i++)
        if (job->instances[i].started)
            pthread_join(job->instances[i].thread, NULL);
    if (job->writer_started)
        pthread_join(job->writer, NULL);
}

void pipe_job_close(struct pipe_job *job)
{
    if (!job)
        return;
    pipe_job_cancel(job);
    pipe_job_wait(job);
    for (int i = 0; i < job->instance_count; i++) {
        struct instance *in = &job->instances[i];
        eng_session_close(in->session);
        cache_close(in->cache);
        rowset_release(&in->strings);
        free(in->hwc);
        free(in->chw);
        free(in->logits);
    }
    cache_close(job->cache);
    rowset_release(&job->scan_strings);
    if (job->fd >= 0)
        close(job->fd);
    pthread_cond_destroy(&job->news);
    pthread_cond_destroy(&job->work);
    pthread_mutex_destroy(&job->lock);
    free(job->instances);
    free(job->positions);
    free(job->queue);
    free(job->pending.all);
    free(job->events);
    free(job);
}

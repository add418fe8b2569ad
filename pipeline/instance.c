#include "pipeline/job.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/topk.h"

#include <stdlib.h>
#include <string.h>

// A photograph of DS_MAX_PIXELS at the worst quality is far below this.
enum { MAX_FILE = 512 << 20 };

static bool next_position(struct pipe_job *job, size_t *position)
{
    pthread_mutex_lock(&job->lock);
    while (!job->stopping && (job->progress.paused ||
                              (job->queue_head == job->queue_tail && !job->scan_done)))
        pthread_cond_wait(&job->work, &job->lock);
    bool more = !job->stopping && job->queue_head < job->queue_tail;
    if (more)
        *position = job->queue[job->queue_head++];
    pthread_mutex_unlock(&job->lock);
    return more;
}

static void fill_row(struct row *row, const float *logits, int classes)
{
    struct topk best[ROW_TOPK];
    row->count = topk_softmax(logits, classes, ROW_TOPK, best);
    for (int i = 0; i < row->count; i++) {
        row->top[i] = best[i].index;
        row->prob[i] = best[i].prob;
    }
}

static void run_network(struct instance *in, size_t position, struct row *row)
{
    const struct pipe_spec *spec = &in->job->spec;
    const struct eng_info *info = eng_model_info(spec->setup->model);
    struct eng_output out = {.logits = in->logits};
    if (spec->logits)
        out.logits = spec->logits + position * (size_t)info->classes;
    if (spec->features)
        out.features = spec->features + position * (size_t)info->features;
    ds_prep_values(&spec->setup->prep, in->hwc, in->chw);
    if (spec->run)
        spec->run(spec->run_ctx, in->session, in->chw, position, &out);
    else
        eng_session_run(in->session, in->chw, 1, &out);
    fill_row(row, out.logits, info->classes);
}

static enum err_code find_by_content(struct instance *in, struct outcome *o,
                                     struct err *e)
{
    if (!in->cache || !in->job->lookups)
        return ERR_OK;
    return cache_prediction_find(in->cache, in->job->variant, o->hash, &in->strings,
                                 &o->row, &o->from_cache, e);
}

// Read, hash, look up, decode, prepare, run. An error is the picture's own unless *fatal.
static enum err_code compute(struct instance *in, size_t position, struct outcome *o,
                             bool *fatal, struct err *e)
{
    enum err_code rc;
    const struct ds_prep *prep = &in->job->spec.setup->prep;
    struct file_bytes bytes = {0};
    struct ds_image image = {0};
    // The time is taken before the bytes: a file that changes in between is seen as
    // changed by the next run.
    o->have_stat = job_stat(o->path, &o->stat);
    TRY(file_read(o->path, MAX_FILE, &bytes, e));
    if (in->job->cache) {
        o->hash = cache_hash_bytes(bytes.data, bytes.len);
        o->have_hash = true;
        *fatal = true;
        TRY(find_by_content(in, o, e));
        *fatal = false;
        if (o->from_cache)
            goto out;
    }
    TRY(ds_image_decode(bytes.data, bytes.len, o->path, DS_AS_PILLOW, &image, e));
    TRY(ds_prep_pixels(prep, &image, in->hwc, e));
    run_network(in, position, &o->row);
out:
    ds_image_release(&image);
    file_bytes_release(&bytes);
    *fatal = *fatal || rc == ERR_NOMEM;
    return rc;
}

static void run_position(struct instance *in, size_t position)
{
    struct pipe_job *job = in->job;
    struct err e = {0};
    bool fatal = false;
    struct outcome o = {.item = job_item(job, position)};
    const struct ds_item *item = ds_item(job->spec.ds, o.item);
    o.path = ds_path(job->spec.ds, o.item);
    enum err_code rc = compute(in, position, &o, &fatal, &e);
    o.row.file = item->name;
    o.row.label = item->label;
    if (fatal) {
        job_fail(job, &e);
        free(o.path);
        return;
    }
    if (rc != ERR_OK)
        o.row.error = rowset_text(&in->strings, job_reason(e.msg, o.path));
    job_emit(job, &o);
}

void *job_instance_main(void *arg)
{
    struct instance *in = arg;
    size_t position;
    while (next_position(in->job, &position))
        run_position(in, position);
    pthread_mutex_lock(&in->job->lock);
    in->job->working--;
    pthread_cond_signal(&in->job->news);
    pthread_mutex_unlock(&in->job->lock);
    return NULL;
}

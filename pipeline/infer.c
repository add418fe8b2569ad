#include "pipeline/infer.h"

#include "pipeline/infer_name.h"

#include "archive/archive.h"

#include "base/file.h"
#include "base/mem.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

struct infer {
    const struct pipe_infer *spec;
    const struct pipe_infer_watch *watch;
    struct pipe_infer_result *result;
    int height, width, classes;
    size_t total;
    atomic_size_t next; // of this one's places, in their order
    atomic_bool stop;
    pthread_mutex_t lock; // watch, result and fatal
    struct err fatal;
};

struct worker {
    struct infer *infer;
    pthread_t thread;
    bool started;
    struct eng_session *session;
    uint8_t *hwc;
    float *input, *output; // [batch] pictures, [batch][classes]
    size_t *places;        // of the pictures in the batch
};

static void count(struct infer *in, size_t *counter, const char *error)
{
    struct pipe_infer_result *r = in->result;
    pthread_mutex_lock(&in->lock);
    (*counter)++;
    if (error)
        in->watch->error(in->watch->ctx, error);
    progress_tell(&in->watch->progress, r->written + r->kept + r->failed, in->total);
    pthread_mutex_unlock(&in->lock);
}

static void end_with(struct infer *in, const struct err *e)
{
    pthread_mutex_lock(&in->lock);
    if (in->fatal.code == ERR_OK)
        in->fatal = *e;
    pthread_mutex_unlock(&in->lock);
    atomic_store(&in->stop, true);
}

static char *result_path(const struct infer *in, size_t place)
{
    char *name = infer_name(in->spec->ds, place);
    char *path = mem_printf("%s/%s", in->spec->out, name);
    free(name);
    return path;
}

static bool is_there(const struct infer *in, size_t place)
{
    struct arc_array array = {0};
    char *path = result_path(in, place);
    bool whole = !in->spec->force && file_exists(path) &&
                 arc_npz_read(path, "output_0", (size_t)in->classes * sizeof(float),
                              &array, NULL) == ERR_OK;
    whole = whole && array.dtype == ARC_F4 && array.ndim == 2 && array.shape[0] == 1 &&
            array.shape[1] == (size_t)in->classes;
    arc_array_release(&array);
    free(path);
    return whole;
}

// ---- in ----

static enum err_code bad_shape(const char *path, const struct arc_array *a, struct err *e)
{
    if (a->dtype != ARC_U1 && a->dtype != ARC_F4)
        return err_set(e, ERR_FORMAT, "%s: input_0 is neither uint8 nor float32", path);
    return err_set(e, ERR_FORMAT,
                   "%s: input_0 has %d dimensions, %zu and %zu the last, expected %s",
                   path, a->ndim, a->ndim > 1 ? a->shape[a->ndim - 2] : 0,
                   a->ndim > 0 ? a->shape[a->ndim - 1] : 0,
                   a->dtype == ARC_U1 ? "uint8 [3,H,W]"
                                      : "float32 [1,3,H,W] at the input "
                                        "size of the network");
}

static enum err_code prepare(const struct infer *in, const struct arc_array *a,
                             uint8_t *hwc, float *chw, struct err *e)
{
    const size_t *hw = a->shape + a->ndim - 2;
    struct ds_image image = {.width = (int)hw[1], .height = (int)hw[0]};
    size_t plane = hw[0] * hw[1];
    const uint8_t *data = a->data;
    const struct ds_prep *prep = &in->spec->setup->prep;
    image.rgb = mem_array(plane, 3);
    if (!image.rgb)
        return err_set(e, ERR_NOMEM, "no memory for %dx%d", image.width, image.height);
    for (size_t i = 0; i < plane; i++)
        for (size_t c = 0; c < 3; c++)
            image.rgb[3 * i + c] = data[c * plane + i];
    enum err_code rc = in->spec->vdsp ? ds_vdsp_apply(in->spec->vdsp, &image, hwc, chw, e)
                                      : ds_prep_pixels(prep, &image, hwc, e);
    if (rc == ERR_OK && !in->spec->vdsp)
        ds_prep_values(prep, hwc, chw);
    ds_image_release(&image);
    return rc;
}

static enum err_code read_input(const struct infer *in, const char *path, uint8_t *hwc,
                                float *chw, struct err *e)
{
    struct arc_array a = {0};
    enum err_code rc = arc_npz_read(path, "input_0", (size_t)DS_MAX_PIXELS * 3, &a, e);
    if (rc != ERR_OK)
        return rc;
    size_t h = (size_t)in->height, w = (size_t)in->width;
    bool chw3 = a.ndim >= 3 && a.shape[a.ndim - 3] == 3 && a.bytes > 0 &&
                (a.ndim == 3 || (a.ndim == 4 && a.shape[0] == 1));
    if (chw3 && a.dtype == ARC_U1) {
        rc = prepare(in, &a, hwc, chw, e);
        if (rc != ERR_OK)
            err_prefix(e, "%s: ", path);
    } else if (chw3 && a.dtype == ARC_F4 && a.shape[a.ndim - 2] == h &&
               a.shape[a.ndim - 1] == w) {
        const float *from = a.data;
        for (size_t i = 0; i < 3 * h * w; i++)
            chw[i] = from[i];
    } else {
        rc = bad_shape(path, &a, e);
    }
    arc_array_release(&a);
    return rc;
}

// ---- out ----

static void softmax(float *values, int n)
{
    double max = -HUGE_VAL, sum = 0;
    for (int i = 0; i < n; i++)
        max = fmax(max, (double)values[i]);
    for (int i = 0; i < n; i++)
        sum += exp((double)values[i] - max);
    for (int i = 0; i < n; i++)
        values[i] = (float)(exp((double)values[i] - max) / sum);
}

static enum err_code write_output(const struct infer *in, size_t place, void *values,
                                  struct err *e)
{
    size_t classes = (size_t)in->classes;
    const struct arc_array array = {
        ARC_F4, 2, {1, classes}, values, classes * sizeof(float)};
    char *path = result_path(in, place);
    enum err_code rc = arc_npz_write(path, "output_0", &array, e);
    free(path);
    return rc;
}

static void run_batch(struct worker *w, int n)
{
    struct infer *in = w->infer;
    struct eng_output out = {.logits = w->output};
    if (n == 0)
        return;
    eng_session_run(w->session, w->input, n, &out);
    for (int i = 0; i < n; i++) {
        struct err e = {0};
        float *values = w->output + (size_t)i * (size_t)in->classes;
        softmax(values, in->classes);
        if (write_output(in, w->places[i], values, &e) != ERR_OK) {
            end_with(in, &e);
            return;
        }
        count(in, &in->result->written, NULL);
    }
}

// ---- threads ----

static bool next_place(struct infer *in, size_t *place)
{
    const struct pipe_infer *spec = in->spec;
    if (atomic_load(&in->stop) || (spec->cancel && atomic_load(spec->cancel)))
        return false;
    size_t i = atomic_fetch_add(&in->next, 1);
    *place = (size_t)spec->first + i * (size_t)spec->step;
    return i < in->total;
}

// Into place n of the batch; false when there is nothing to compute.
static bool take(struct worker *w, size_t place, int n)
{
    struct infer *in = w->infer;
    struct err e = {0};
    if (is_there(in, place)) {
        count(in, &in->result->kept, NULL);
        return false;
    }
    size_t values = 3 * (size_t)in->height * (size_t)in->width;
    char *path = ds_path(in->spec->ds, place);
    enum err_code rc = read_input(in, path, w->hwc, w->input + (size_t)n * values, &e);
    free(path);
    if (rc == ERR_NOMEM)
        end_with(in, &e);
    else if (rc != ERR_OK)
        count(in, &in->result->failed, e.msg);
    w->places[n] = place;
    return rc == ERR_OK;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    size_t place;
    int n = 0;
    while (next_place(w->infer, &place)) {
        n += take(w, place, n);
        if (n == w->infer->spec->batch) {
            run_batch(w, n);
            n = 0;
        }
    }
    run_batch(w, n);
    return NULL;
}

static enum err_code open_worker(struct infer *in, struct worker *w, int threads,
                                 struct err *e)
{
    size_t batch = (size_t)in->spec->batch;
    size_t values = 3 * (size_t)in->height * (size_t)in->width;
    w->infer = in;
    w->hwc = mem_array(values, 1);
    w->input = mem_array(batch, values * sizeof *w->input);
    w->output = mem_array(batch, (size_t)in->classes * sizeof *w->output);
    w->places = mem_array(batch, sizeof *w->places);
    if (!w->hwc || !w->input || !w->output || !w->places)
        return err_set(e, ERR_NOMEM, "no memory for a batch of %d", in->spec->batch);
    return eng_session_open(in->spec->setup->model, in->height, in->width,
                            in->spec->batch, threads, &w->session, e);
}

static void close_workers(struct worker *workers, int n)
{
    for (int i = 0; i < n; i++) {
        if (workers[i].started)
            pthread_join(workers[i].thread, NULL);
        eng_session_close(workers[i].session);
        free(workers[i].hwc);
        free(workers[i].input);
        free(workers[i].output);
        free(workers[i].places);
    }
    free(workers);
}

static enum err_code run_workers(struct infer *in, struct err *e)
{
    enum err_code rc = ERR_OK;
    int n = in->spec->instances, each = in->spec->threads / n;
    struct worker *workers = mem_new((size_t)n * sizeof *workers);
    for (int i = 0; i < n; i++)
        TRY(open_worker(in, &workers[i], each > 1 ? each : 1, e));
    for (int i = 0; i < n; i++) {
        int failed = pthread_create(&workers[i].thread, NULL, work, &workers[i]);
        if (failed) {
            atomic_store(&in->stop, true);
            TRY(err_set_errno(e, failed, "run", "cannot start a thread"));
        }
        workers[i].started = true;
    }
out:
    close_workers(workers, n);
    return rc;
}

enum err_code pipe_infer_run(const struct pipe_infer *spec,
                             const struct pipe_infer_watch *watch,
                             struct pipe_infer_result *result, struct err *e)
{
    size_t all = ds_count(spec->ds), first = (size_t)spec->first;
    struct infer in = {
        .spec = spec,
        .watch = watch,
        .result = result,
        .height = spec->vdsp ? spec->vdsp->height : spec->setup->prep.height,
        .width = spec->vdsp ? spec->vdsp->width : spec->setup->prep.width,
        .classes = eng_model_info(spec->setup->model)->classes,
        .total = all > first ? (all - first - 1) / (size_t)spec->step + 1 : 0,
    };
    *result = (struct pipe_infer_result){0};
    pthread_mutex_init(&in.lock, NULL);
    enum err_code rc = run_workers(&in, e);
    pthread_mutex_destroy(&in.lock);
    if (rc == ERR_OK && in.fatal.code != ERR_OK)
        rc = err_set(e, in.fatal.code, "%s", in.fatal.msg);
    if (rc == ERR_OK && spec->cancel && atomic_load(spec->cancel))
        rc = err_set(e, ERR_INTERRUPTED, "interrupted after %zu of %zu inputs",
                     result->written + result->kept + result->failed, in.total);
    return rc;
}

#include "pipeline/pipeline.h"

#include "archive/archive.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/str.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum slot_state { SLOT_FAILED, SLOT_WRITTEN, SLOT_KEPT };

struct slot {
    size_t item;
    char *path; // absolute, of the npz
    enum slot_state state;
};

struct npz_set {
    const struct pipe_npz *spec;
    pipe_npz_error_fn *on_error;
    void *ctx;
    struct slot *slots;
    size_t count;
    atomic_size_t next;
    atomic_bool stop;
    pthread_mutex_t lock; // on_error, fatal, done and its being told
    size_t done;
    struct err fatal;
};

static void tell(struct npz_set *set, const char *message)
{
    pthread_mutex_lock(&set->lock);
    set->on_error(set->ctx, message);
    pthread_mutex_unlock(&set->lock);
}

static void tell_done(struct npz_set *set)
{
    pthread_mutex_lock(&set->lock);
    progress_tell(&set->spec->progress, ++set->done, set->count);
    pthread_mutex_unlock(&set->lock);
}

static void end_with(struct npz_set *set, const struct err *e)
{
    pthread_mutex_lock(&set->lock);
    if (set->fatal.code == ERR_OK)
        set->fatal = *e;
    pthread_mutex_unlock(&set->lock);
    atomic_store(&set->stop, true);
}

// ---- names ----

// <target>/<parent folder of the picture>/<stem>.npz
static char *npz_path(const char *target, const char *picture)
{
    const char *base = str_basename(picture);
    const char *parent = base > picture ? base - 1 : base;
    while (parent > picture && parent[-1] != '/')
        parent--;
    size_t parent_len = base > parent ? (size_t)(base - 1 - parent) : 0;
    char *joined = mem_printf("%s/%.*s/%.*s.npz", target, (int)parent_len, parent,
                              (int)str_stem_len(base), base);
    char *path = file_absolute(joined);
    free(joined);
    return path;
}

static int by_path(const void *a, const void *b, void *slots)
{
    const struct slot *all = slots;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int order = strcmp(all[x].path, all[y].path);
    return order ? order : (x > y) - (x < y);
}

static void refuse(struct npz_set *set, struct slot *slot, const struct slot *first)
{
    const struct ds *ds = set->spec->ds;
    char *text = mem_printf("%s: would be %s, which is the name for %s already",
                            ds_item(ds, slot->item)->name, slot->path,
                            ds_item(ds, first->item)->name);
    tell(set, text);
    free(text);
    free(slot->path);
    slot->path = NULL;
}

// Two pictures with one npz name: the first in the set gets it, the others are failures.
static enum err_code refuse_collisions(struct npz_set *set, struct err *e)
{
    size_t *sorted = mem_array(set->count, sizeof *sorted);
    if (!sorted)
        return err_set(e, ERR_NOMEM, "no memory for %zu names", set->count);
    for (size_t i = 0; i < set->count; i++)
        sorted[i] = i;
    qsort_r(sorted, set->count, sizeof *sorted, by_path, set->slots);
    for (size_t i = 1, first = 0; i < set->count; i++) {
        struct slot *slot = &set->slots[sorted[i]], *holder = &set->slots[sorted[first]];
        if (strcmp(slot->path, holder->path) == 0)
            refuse(set, slot, holder);
        else
            first = i;
    }
    free(sorted);
    return ERR_OK;
}

// Else the list would have two wrong lines.
static void refuse_line_breaks(struct npz_set *set)
{
    for (size_t i = 0; set->spec->text_path && i < set->count; i++) {
        struct slot *slot = &set->slots[i];
        if (!slot->path || !strchr(slot->path, '\n'))
            continue;
        char *text = mem_printf(
            "%s: a line break in a name, which a datalist cannot hold", slot->path);
        tell(set, text);
        free(text);
        free(slot->path);
        slot->path = NULL;
    }
}

static enum err_code name_slots(struct npz_set *set, struct err *e)
{
    set->slots = mem_array(set->count, sizeof *set->slots);
    if (!set->slots)
        return err_set(e, ERR_NOMEM, "no memory for %zu names", set->count);
    for (size_t i = 0; i < set->count; i++) {
        struct slot *slot = &set->slots[i];
        slot->item = set->spec->subset ? set->spec->subset[i] : i;
        char *picture = ds_path(set->spec->ds, slot->item);
        slot->path = npz_path(set->spec->target, picture);
        free(picture);
    }
    enum err_code rc = refuse_collisions(set, e);
    refuse_line_breaks(set);
    return rc;
}

// ---- one picture ----

static bool array_fits(const struct arc_array *array, const struct ds_prep *prep)
{
    if (!prep)
        return array->dtype == ARC_U1 && array->ndim == 3 && array->shape[0] == 3;
    return array->dtype == ARC_F4 && array->ndim == 4 && array->shape[0] == 1 &&
           array->shape[1] == 3 && array->shape[2] == (size_t)prep->height &&
           array->shape[3] == (size_t)prep->width;
}

// A file of an earlier run that is whole and of the kind asked for.
static bool is_there(const struct npz_set *set, const char *path)
{
    struct arc_array array = {0};
    const size_t max = (size_t)DS_MAX_PIXELS * 3;
    if (set->spec->force || !file_exists(path) ||
        arc_npz_read(path, "input_0", max, &array, NULL) != ERR_OK)
        return false;
    bool fits = array_fits(&array, set->spec->prep);
    arc_array_release(&array);
    return fits;
}

static enum err_code raw_array(const struct ds_image *image, struct arc_array *out,
                               struct err *e)
{
    size_t plane = (size_t)image->width * (size_t)image->height;
    uint8_t *chw = mem_array(plane, 3);
    if (!chw)
        return err_set(e, ERR_NOMEM, "no memory for %dx%d", image->width, image->height);
    ds_image_planes(image, chw);
    *out = (struct arc_array){
        ARC_U1, 3, {3, (size_t)image->height, (size_t)image->width}, chw, 3 * plane};
    return ERR_OK;
}

static enum err_code prepared_array(const struct ds_prep *prep,
                                    const struct ds_image *image, struct arc_array *out,
                                    struct err *e)
{
    enum err_code rc;
    size_t h = (size_t)prep->height, w = (size_t)prep->width, n = 3 * h * w;
    uint8_t *hwc = mem_array(n, 1);
    float *chw = mem_array(n, sizeof *chw);
    if (!hwc || !chw)
        TRY(err_set(e, ERR_NOMEM, "no memory for %dx%d", prep->width, prep->height));
    TRY(ds_prep_pixels(prep, image, hwc, e));
    ds_prep_values(prep, hwc, chw);
    *out = (struct arc_array){ARC_F4, 4, {1, 3, h, w}, chw, n * sizeof *chw};
    chw = NULL;
out:
    free(hwc);
    free(chw);
    return rc;
}

// cv2.imread's pixels for the raw set, Pillow's for the prepared one, as eval does.
static enum err_code read_array(const struct npz_set *set, const char *picture,
                                struct arc_array *out, struct err *e)
{
    enum err_code rc;
    struct ds_image image = {0};
    const struct ds_prep *prep = set->spec->prep;
    TRY(ds_image_open(picture, prep ? DS_AS_PILLOW : DS_AS_OPENCV, &image, e));
    TRY(prep ? prepared_array(prep, &image, out, e) : raw_array(&image, out, e));
out:
    ds_image_release(&image);
    return rc;
}

static enum err_code write_array(const char *path, const struct arc_array *array,
                                 struct err *e)
{
    char *folder = mem_dup_n(path, (size_t)(str_basename(path) - path) - 1);
    enum err_code rc = file_make_dirs(folder, e);
    free(folder);
    return rc == ERR_OK ? arc_npz_write(path, "input_0", array, e) : rc;
}

static void write_slot(struct npz_set *set, struct slot *slot)
{
    struct err e = {0};
    struct arc_array array = {0};
    if (!slot->path)
        return;
    if (is_there(set, slot->path)) {
        slot->state = SLOT_KEPT;
        return;
    }
    char *picture = ds_path(set->spec->ds, slot->item);
    enum err_code rc = read_array(set, picture, &array, &e);
    free(picture);
    bool fatal = rc == ERR_NOMEM;
    if (rc == ERR_OK) {
        rc = write_array(slot->path, &array, &e);
        fatal = rc != ERR_OK;
    }
    if (rc == ERR_OK)
        slot->state = SLOT_WRITTEN;
    else if (fatal)
        end_with(set, &e);
    else
        tell(set, e.msg);
    arc_array_release(&array);
}

static void write_member(void *ctx, int member, int members)
{
    struct npz_set *set = ctx;
    (void)member;
    (void)members;
    for (;;) {
        size_t i = atomic_fetch_add(&set->next, 1);
        bool cancelled = set->spec->cancel && atomic_load(set->spec->cancel);
        if (i >= set->count || cancelled || atomic_load(&set->stop))
            return;
        write_slot(set, &set->slots[i]);
        tell_done(set);
    }
}

static enum err_code write_list(const struct npz_set *set, struct err *e)
{
    struct file_out out = {0};
    enum err_code rc = file_out_open(&out, set->spec->text_path, true, e);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < set->count; i++)
        if (set->slots[i].state != SLOT_FAILED)
            (void)fprintf(out.stream, "%s\n", set->slots[i].path);
    return file_out_commit(&out, e);
}

static void count_slots(const struct npz_set *set, struct pipe_npz_result *result)
{
    *result = (struct pipe_npz_result){0};
    for (size_t i = 0; i < set->count; i++) {
        enum slot_state state = set->slots[i].state;
        result->written += state == SLOT_WRITTEN;
        result->kept += state == SLOT_KEPT;
        result->failed += state == SLOT_FAILED;
    }
}

enum err_code pipe_npz_write(const struct pipe_npz *spec, pipe_npz_error_fn *on_error,
                             void *ctx, struct pipe_npz_result *result, struct err *e)
{
    enum err_code rc;
    struct pool *pool = NULL;
    struct npz_set set = {.spec = spec, .on_error = on_error, .ctx = ctx};
    set.count = spec->subset ? spec->subset_count : ds_count(spec->ds);
    pthread_mutex_init(&set.lock, NULL);
    TRY(name_slots(&set, e));
    TRY(pool_open(spec->threads > 1 ? spec->threads : 1, &pool, e));
    pool_run(pool, write_member, &set);
    count_slots(&set, result);
    if (set.fatal.code != ERR_OK)
        TRY(err_set(e, set.fatal.code, "%s", set.fatal.msg));
    if (spec->cancel && atomic_load(spec->cancel))
        TRY(err_set(e, ERR_INTERRUPTED, "interrupted after %zu of %zu pictures",
                    result->written + result->kept, set.count));
    if (spec->text_path)
        TRY(write_list(&set, e));
out:
    pool_close(pool);
    for (size_t i = 0; set.slots && i < set.count; i++)
        free(set.slots[i].path);
    free(set.slots);
    pthread_mutex_destroy(&set.lock);
    return rc;
}

#include "report/matrix.h"

#include "archive/archive.h"
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>

static enum err_code no_memory(const char *path, struct err *e)
{
    return err_set(e, ERR_NOMEM, "%s: no memory for the table", path);
}

static enum err_code put_names(struct npz_writer *npz, const struct labels *labels,
                               const int *axis, size_t n, struct err *e)
{
    const char **names = mem_array(n, sizeof *names);
    if (!names)
        return err_set(e, ERR_NOMEM, "no memory for %zu class names", n);
    for (size_t i = 0; i < n; i++)
        names[i] = labels_words(labels, axis ? axis[i] : (int)i);
    enum err_code rc = arc_npz_put_strings(npz, "names", names, n, e);
    free(names);
    return rc;
}

// ---- the table: a walk for the shapes, one for the data ----

struct table {
    struct npz_writer *npz;
    size_t rows, file_width, error_width;
    struct npz_member file, label, top, prob, error;
};

static const char *text_of(const char *text)
{
    return text ? text : "";
}

static enum err_code measure(void *ctx, const struct row *row, struct err *e)
{
    struct table *t = ctx;
    size_t file = arc_npz_width(text_of(row->file));
    size_t error = arc_npz_width(text_of(row->error));
    (void)e;
    t->rows++;
    t->file_width = file > t->file_width ? file : t->file_width;
    t->error_width = error > t->error_width ? error : t->error_width;
    return ERR_OK;
}

static enum err_code begin(struct table *t, struct err *e)
{
    const size_t shape[] = {t->rows, ROW_TOPK};
    enum err_code rc;
    TRY(arc_npz_begin_strings(t->npz, "file", t->rows, t->file_width, &t->file, e));
    TRY(arc_npz_begin(t->npz, "label", ARC_I4, 1, shape, &t->label, e));
    TRY(arc_npz_begin(t->npz, "top", ARC_I4, 2, shape, &t->top, e));
    TRY(arc_npz_begin(t->npz, "prob", ARC_F4, 2, shape, &t->prob, e));
    TRY(arc_npz_begin_strings(t->npz, "error", t->rows, t->error_width, &t->error, e));
out:
    return rc;
}

// What a row lacks is -1 and 0.
static enum err_code add_row(void *ctx, const struct row *row, struct err *e)
{
    const struct table *t = ctx;
    int32_t label = row->label, top[ROW_TOPK];
    float prob[ROW_TOPK];
    enum err_code rc;
    for (int k = 0; k < ROW_TOPK; k++) {
        top[k] = k < row->count ? row->top[k] : -1;
        prob[k] = k < row->count ? row->prob[k] : 0.0f;
    }
    TRY(arc_npz_add_string(t->npz, t->file, text_of(row->file), e));
    TRY(arc_npz_add(t->npz, t->label, &label, sizeof label, e));
    TRY(arc_npz_add(t->npz, t->top, top, sizeof top, e));
    TRY(arc_npz_add(t->npz, t->prob, prob, sizeof prob, e));
    TRY(arc_npz_add_string(t->npz, t->error, text_of(row->error), e));
out:
    return rc;
}

static enum err_code finish(struct npz_writer *npz, enum err_code rc, struct err *e)
{
    if (rc == ERR_OK)
        return arc_npz_commit(npz, e);
    arc_npz_discard(npz);
    return rc;
}

enum err_code rep_export_npz(const struct rep_export *what, const char *path, bool force,
                             struct err *e)
{
    struct table t = {0};
    enum err_code rc = arc_npz_create(path, force, &t.npz, e);
    if (rc != ERR_OK)
        return rc;
    size_t classes = what->classes > 0 ? (size_t)what->classes : 0;
    TRY(rep_export_each(what, measure, &t, e));
    TRY(begin(&t, e));
    TRY(rep_export_each(what, add_row, &t, e));
    TRY(put_names(t.npz, what->labels, NULL, classes, e));
out:
    return finish(t.npz, rc, e);
}

// ---- the confusion ----

static enum err_code put_counts(struct npz_writer *npz, const struct rep_matrix *matrix,
                                const char *path, struct err *e)
{
    size_t n = matrix->size, cells;
    if (!mem_mul(n, n, &cells))
        return no_memory(path, e);
    int64_t *counts = mem_array(cells, sizeof *counts);
    int32_t *index = mem_array(n, sizeof *index);
    enum err_code rc = ERR_OK;
    if (!counts || !index) {
        rc = no_memory(path, e);
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        index[i] = matrix->axis[i];
    for (size_t i = 0; i < matrix->count; i++) {
        const struct rep_pair *cell = &matrix->cells[i];
        counts[rep_matrix_place(matrix, cell->truth) * n +
               rep_matrix_place(matrix, cell->predicted)] = (int64_t)cell->count;
    }
    const struct arc_array square = {ARC_I8, 2, {n, n}, counts, cells * 8};
    const struct arc_array line = {ARC_I4, 1, {n}, index, n * 4};
    TRY(arc_npz_put(npz, "counts", &square, e));
    TRY(arc_npz_put(npz, "index", &line, e));
out:
    free(counts);
    free(index);
    return rc;
}

enum err_code rep_confusion_npz(const struct rep_export *what, const char *path,
                                bool force, struct err *e)
{
    struct rep_matrix matrix;
    struct npz_writer *npz;
    enum err_code rc = rep_matrix_init(what, &matrix, e);
    if (rc != ERR_OK)
        return rc;
    rc = arc_npz_create(path, force, &npz, e);
    if (rc == ERR_OK) {
        rc = put_counts(npz, &matrix, path, e);
        if (rc == ERR_OK)
            rc = put_names(npz, what->labels, matrix.axis, matrix.size, e);
        rc = finish(npz, rc, e);
    }
    rep_matrix_release(&matrix);
    return rc;
}

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

static enum err_code put_texts(struct npz_writer *npz, const struct rep_export *what,
                               bool errors, struct err *e)
{
    const char **texts = mem_array(what->count, sizeof *texts);
    if (!texts)
        return err_set(e, ERR_NOMEM, "no memory for %zu names", what->count);
    for (size_t i = 0; i < what->count; i++) {
        const struct row *row = rep_export_row(what, i);
        const char *text = errors ? row->error : row->file;
        texts[i] = text ? text : "";
    }
    enum err_code rc =
        arc_npz_put_strings(npz, errors ? "error" : "file", texts, what->count, e);
    free(texts);
    return rc;
}

// What a row lacks is -1 and 0.
static enum err_code put_numbers(struct npz_writer *npz, const struct rep_export *what,
                                 const char *path, struct err *e)
{
    size_t n = what->count;
    int32_t *label = mem_array(n, sizeof *label), *top = mem_array(n * ROW_TOPK, 4);
    float *prob = mem_array(n * ROW_TOPK, sizeof *prob);
    enum err_code rc = ERR_OK;
    if (!label || !top || !prob) {
        rc = no_memory(path, e);
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        const struct row *row = rep_export_row(what, i);
        label[i] = row->label;
        for (int k = 0; k < ROW_TOPK; k++) {
            top[i * ROW_TOPK + (size_t)k] = k < row->count ? row->top[k] : -1;
            prob[i * ROW_TOPK + (size_t)k] = k < row->count ? row->prob[k] : 0.0f;
        }
    }
    const struct arc_array arrays[] = {
        {ARC_I4, 1, {n}, label, n * 4},
        {ARC_I4, 2, {n, ROW_TOPK}, top, n * ROW_TOPK * 4},
        {ARC_F4, 2, {n, ROW_TOPK}, prob, n * ROW_TOPK * 4},
    };
    static const char *const keys[] = {"label", "top", "prob"};
    for (int i = 0; rc == ERR_OK && i < 3; i++)
        rc = arc_npz_put(npz, keys[i], &arrays[i], e);
out:
    free(label);
    free(top);
    free(prob);
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
    struct npz_writer *npz;
    enum err_code rc = arc_npz_create(path, force, &npz, e);
    if (rc != ERR_OK)
        return rc;
    size_t classes = what->classes > 0 ? (size_t)what->classes : 0;
    TRY(put_texts(npz, what, false, e));
    TRY(put_numbers(npz, what, path, e));
    TRY(put_texts(npz, what, true, e));
    TRY(put_names(npz, what->labels, NULL, classes, e));
out:
    return finish(npz, rc, e);
}

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

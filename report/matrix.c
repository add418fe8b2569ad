#include "report/matrix.h"

#include "base/mem.h"

#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    const int *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

// All classes when there are few, and in any case what occurs: labels come from files and
// may lie outside.
static enum err_code set_axis(struct rep_matrix *matrix, int classes, struct err *e)
{
    size_t full = classes > 0 && classes <= REP_MATRIX_FULL ? (size_t)classes : 0;
    size_t n = 0, kept = 0;
    int *axis = mem_array(full + 2 * matrix->count, sizeof *axis);
    if (!axis)
        return err_set(e, ERR_NOMEM, "no memory for a confusion matrix");
    for (size_t i = 0; i < full; i++)
        axis[n++] = (int)i;
    for (size_t i = 0; i < matrix->count; i++) {
        axis[n++] = matrix->cells[i].truth;
        axis[n++] = matrix->cells[i].predicted;
    }
    qsort(axis, n, sizeof *axis, by_value);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || axis[i] != axis[kept - 1])
            axis[kept++] = axis[i];
    matrix->axis = axis;
    matrix->size = kept;
    return ERR_OK;
}

static enum err_code count_row(void *ctx, const struct row *row, struct err *e)
{
    return rep_confusion_add(ctx, row, e);
}

enum err_code rep_matrix_init(const struct rep_export *what, struct rep_matrix *out,
                              struct err *e)
{
    struct row_cells cells = {0};
    enum err_code rc;
    *out = (struct rep_matrix){0};
    TRY(rep_export_each(what, count_row, &cells, e));
    TRY(rep_confusion_of(&cells, &out->cells, &out->count, e));
    rc = set_axis(out, what->classes, e);
out:
    row_cells_release(&cells);
    if (rc != ERR_OK)
        rep_matrix_release(out);
    return rc;
}

void rep_matrix_release(struct rep_matrix *matrix)
{
    free(matrix->cells);
    free(matrix->axis);
    *matrix = (struct rep_matrix){0};
}

size_t rep_matrix_place(const struct rep_matrix *matrix, int index)
{
    const int *at =
        bsearch(&index, matrix->axis, matrix->size, sizeof *matrix->axis, by_value);
    return (size_t)(at - matrix->axis);
}

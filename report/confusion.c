#include "report/matrix.h"

#include "base/mem.h"

#include <stdlib.h>

// Cells lie in order of truth, so each true class is a stretch of them.
void rep_pairs_total(struct rep_pair *cells, size_t count)
{
    for (size_t from = 0, to; from < count; from = to) {
        size_t total = 0;
        for (to = from; to < count && cells[to].truth == cells[from].truth; to++)
            total += cells[to].count;
        for (size_t i = from; i < to; i++)
            cells[i].truth_total = total;
    }
}

// Without its confidence a row falls in the one bin that all do: a cell a pair.
enum err_code rep_confusion_add(struct row_cells *cells, const struct row *row,
                                struct err *e)
{
    struct row bare = *row;
    bare.prob[0] = 0.0f;
    return !row_scored(row) || row_cells_add(cells, &bare)
               ? ERR_OK
               : err_set(e, ERR_NOMEM, "no memory to count confusions");
}

enum err_code rep_confusion_of(struct row_cells *cells, struct rep_pair **out,
                               size_t *count, struct err *e)
{
    *count = 0;
    *out = mem_array(cells->count, sizeof **out);
    if (!*out)
        return err_set(e, ERR_NOMEM, "no memory to count confusions");
    row_cells_sort(cells);
    *count = rep_pairs_of(cells->all, cells->count, *out);
    return ERR_OK;
}

enum err_code rep_confusion(const struct row *rows, size_t n, struct rep_pair **cells,
                            size_t *count, struct err *e)
{
    struct row_cells counted = {0};
    enum err_code rc;
    *cells = NULL;
    *count = 0;
    for (size_t i = 0; i < n; i++)
        TRY(rep_confusion_add(&counted, &rows[i], e));
    rc = rep_confusion_of(&counted, cells, count, e);
out:
    row_cells_release(&counted);
    return rc;
}

static int most_first(const void *a, const void *b)
{
    const struct rep_pair *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    if (x->truth != y->truth)
        return x->truth < y->truth ? -1 : 1;
    return (x->predicted > y->predicted) - (x->predicted < y->predicted);
}

size_t rep_pairs_keep(struct rep_pair *cells, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (cells[i].truth != cells[i].predicted)
            cells[kept++] = cells[i];
    if (kept)
        qsort(cells, kept, sizeof *cells, most_first);
    return kept;
}

enum err_code rep_pairs(const struct row *rows, size_t n, struct rep_pair **pairs,
                        size_t *count, struct err *e)
{
    enum err_code rc = rep_confusion(rows, n, pairs, count, e);
    *count = rep_pairs_keep(*pairs, *count);
    return rc;
}

#include "report/matrix.h"

#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>

static int by_key(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

// truth << 32 | predicted of every scored row, sorted; malloc'ed.
static uint64_t *sorted_keys(const struct row *rows, const size_t *indices, size_t n,
                             size_t *count)
{
    uint64_t *keys = mem_array(n, sizeof *keys);
    *count = 0;
    if (!keys)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        const struct row *row = &rows[indices ? indices[i] : i];
        if (row_scored(row))
            keys[(*count)++] =
                (uint64_t)(uint32_t)row->label << 32 | (uint32_t)row->top[0];
    }
    qsort(keys, *count, sizeof *keys, by_key);
    return keys;
}

static size_t distinct(const uint64_t *keys, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += i == 0 || keys[i] != keys[i - 1];
    return count;
}

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

enum err_code rep_confusion_of(const struct row *rows, const size_t *indices, size_t n,
                               struct rep_pair **cells, size_t *count, struct err *e)
{
    size_t scored, at = 0;
    *cells = NULL;
    *count = 0;
    uint64_t *keys = sorted_keys(rows, indices, n, &scored);
    if (!keys)
        return err_set(e, ERR_NOMEM, "no memory to count confusions");
    struct rep_pair *list = mem_array(distinct(keys, scored), sizeof *list);
    if (!list) {
        free(keys);
        return err_set(e, ERR_NOMEM, "no memory to count confusions");
    }
    for (size_t i = 0; i < scored; i++) {
        if (i > 0 && keys[i] == keys[i - 1])
            list[at - 1].count++;
        else
            list[at++] = (struct rep_pair){(int)(keys[i] >> 32),
                                           (int)(keys[i] & UINT32_MAX), 1, 0};
    }
    free(keys);
    rep_pairs_total(list, at);
    *cells = list;
    *count = at;
    return ERR_OK;
}

enum err_code rep_confusion(const struct row *rows, size_t n, struct rep_pair **cells,
                            size_t *count, struct err *e)
{
    return rep_confusion_of(rows, NULL, n, cells, count, e);
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

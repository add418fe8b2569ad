#include "report/matrix.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

static double ratio(size_t part, size_t whole)
{
    return whole ? (double)part / (double)whole : (double)NAN;
}

static void finish(struct rep_class *c)
{
    c->precision = ratio(c->correct, c->predicted);
    c->recall = ratio(c->correct, c->support);
    // 2PR/(P+R) without the division of zero by zero when nothing is correct.
    c->f1 = ratio(2 * c->correct, c->predicted + c->support);
}

// Indices come from files; a class that is not among `classes` has no entry.
struct rep_class *rep_class_entry(struct rep_class *list, int classes, int index)
{
    return index >= 0 && index < classes ? &list[index] : NULL;
}

static void add_cell(struct rep_class *list, int classes, const struct rep_pair *cell)
{
    struct rep_class *truth = rep_class_entry(list, classes, cell->truth);
    struct rep_class *said = rep_class_entry(list, classes, cell->predicted);
    if (said)
        said->predicted += cell->count;
    if (!truth)
        return;
    truth->support += cell->count;
    if (cell->truth == cell->predicted) {
        truth->correct += cell->count;
    } else if (cell->count > truth->confused_count) {
        truth->confused_with = cell->predicted;
        truth->confused_count = cell->count;
    }
}

enum err_code rep_classes_of(const struct rep_pair *cells, size_t count, int classes,
                             struct rep_class **out, struct err *e)
{
    struct rep_class *list = mem_array(classes > 0 ? (size_t)classes : 0, sizeof *list);
    *out = list;
    if (!list)
        return err_set(e, ERR_NOMEM, "no memory for %d classes", classes);
    for (int i = 0; i < classes; i++)
        list[i] = (struct rep_class){.index = i, .confused_with = -1};
    for (size_t i = 0; i < count; i++)
        add_cell(list, classes, &cells[i]);
    for (int i = 0; i < classes; i++)
        finish(&list[i]);
    return ERR_OK;
}

enum err_code rep_classes(const struct row *rows, size_t n, int classes,
                          struct rep_class **out, struct err *e)
{
    struct rep_pair *cells;
    size_t count;
    *out = NULL;
    enum err_code rc = rep_confusion(rows, n, &cells, &count, e);
    if (rc == ERR_OK)
        rc = rep_classes_of(cells, count, classes, out, e);
    free(cells);
    for (size_t i = 0; rc == ERR_OK && i < n; i++) {
        struct rep_class *truth = rep_class_entry(*out, classes, rows[i].label);
        if (truth && row_scored(&rows[i]) && row_rank(&rows[i]) >= 0)
            truth->top5++;
    }
    return rc;
}

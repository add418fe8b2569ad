#include "report/report.h"

static int group(const int *group_of, int classes, int index)
{
    return group_of && index >= 0 && index < classes ? group_of[index] : index;
}

// The reassessed class that the prediction fits best: that of its best hit, else the
// first.
static int best_of(const struct rep_relabel *how, const int *set, size_t n,
                   const struct row *row)
{
    for (int k = 0; k < row->count; k++)
        for (size_t i = 0; i < n; i++)
            if (group(how->group_of, how->classes, set[i]) == row->top[k])
                return row->top[k];
    return group(how->group_of, how->classes, set[0]);
}

static void reassess(const struct rep_relabel *how, struct row *row,
                     struct rep_reassessed *counts)
{
    size_t n, number = row->file ? labels_val_number(row->file) : 0;
    const int *set = labels_real_of(how->real, number, &n);
    bool before = row_correct(row), labelled = row_scored(row);
    row->label = n ? best_of(how, set, n, row) : -1;
    counts->unknown += !set;
    counts->excluded += set && !n;
    counts->several += n > 1;
    if (!labelled || !row_scored(row))
        return;
    bool now = row_correct(row);
    counts->both += before && now;
    counts->only_before += before && !now;
    counts->only_now += !before && now;
    counts->neither += !before && !now;
}

void rep_relabel(const struct rep_relabel *how, struct row *rows, size_t n,
                 struct rep_reassessed *counts)
{
    for (size_t i = 0; i < n; i++) {
        struct row *row = &rows[i];
        row->label = group(how->group_of, how->classes, row->label);
        for (int k = 0; k < row->count; k++)
            row->top[k] = group(how->group_of, how->classes, row->top[k]);
        if (how->real)
            reassess(how, row, counts);
    }
}

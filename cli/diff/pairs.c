#include "cli/diff/pairs.h"

#include "pipeline/foreign.h"
#include "report/report.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static enum err_code no_memory(const struct pairs *p, struct err *e)
{
    return err_set(e, ERR_NOMEM, "no memory for %zu rows", p->a.rows.count);
}

static size_t *in_order(const struct rowset *rows)
{
    size_t *order = mem_array(rows->count, sizeof *order);
    if (!order)
        return NULL;
    for (size_t i = 0; i < rows->count; i++)
        order[i] = i;
    rep_sort(rows->rows, order, rows->count, REP_SORT_FILE, false);
    return order;
}

static void add_pair(struct pairs *p, size_t a, size_t b)
{
    struct row *x = &p->a.rows.rows[a], *y = &p->b.rows.rows[b];
    p->conflicts += x->label >= 0 && y->label >= 0 && x->label != y->label;
    if (x->label < 0)
        x->label = y->label;
    y->label = x->label;
    p->all[p->count++] = (struct rep_pictures){x, y};
}

// Rows that pair are marked in `taken` (of b).
static void pair_equal(struct pairs *p, const size_t *by_a, const size_t *by_b,
                       bool *paired, bool *taken)
{
    const struct rowset *a = &p->a.rows, *b = &p->b.rows;
    for (size_t i = 0, j = 0; i < a->count && j < b->count;) {
        int order = strcmp(a->rows[by_a[i]].file, b->rows[by_b[j]].file);
        if (order == 0) {
            paired[by_a[i]] = taken[by_b[j]] = true;
            add_pair(p, by_a[i], by_b[j]);
        }
        i += order <= 0;
        j += order >= 0;
    }
}

// By the name of a's file.
static int by_first(const void *a, const void *b)
{
    const struct rep_pictures *x = a, *y = b;
    return strcmp(x->a->file, y->a->file);
}

static enum err_code pair_alike(struct pairs *p, bool *paired, const bool *taken,
                                struct err *e)
{
    const struct rowset *a = &p->a.rows, *b = &p->b.rows;
    char **names = mem_array(a->count, sizeof *names);
    if (!names)
        return no_memory(p, e);
    for (size_t i = 0; i < a->count; i++)
        names[i] = (char *)a->rows[i].file;
    struct ds *ds = ds_open_files(names, a->count);
    struct foreign_index *index = foreign_index_new(ds);
    for (size_t j = 0; j < b->count; j++) {
        ptrdiff_t i = taken[j] ? -1 : foreign_index_find(index, b->rows[j].file);
        if (i < 0 || paired[i])
            continue;
        paired[i] = true;
        add_pair(p, (size_t)i, j);
    }
    foreign_index_free(index);
    ds_close(ds);
    free(names);
    if (p->count)
        qsort(p->all, p->count, sizeof *p->all, by_first);
    return ERR_OK;
}

static enum err_code pair_rows(struct pairs *p, struct err *e)
{
    size_t *by_a = in_order(&p->a.rows), *by_b = in_order(&p->b.rows);
    bool *paired = mem_array(p->a.rows.count, sizeof *paired);
    bool *taken = mem_array(p->b.rows.count, sizeof *taken);
    p->all = mem_array(p->a.rows.count, sizeof *p->all);
    enum err_code rc = ERR_OK;
    if (!by_a || !by_b || !paired || !taken || !p->all) {
        rc = no_memory(p, e);
    } else {
        pair_equal(p, by_a, by_b, paired, taken);
        if (strcmp(p->a.run.dataset, p->b.run.dataset) != 0)
            rc = pair_alike(p, paired, taken, e);
        p->only_a = p->a.rows.count - p->count;
        p->only_b = p->b.rows.count - p->count;
    }
    free(by_a);
    free(by_b);
    free(paired);
    free(taken);
    return rc;
}

enum err_code pairs_open(const char *db, const char *a, const char *b, const char *label,
                         struct pairs *out, struct err *e)
{
    enum err_code rc;
    *out = (struct pairs){0};
    TRY(database_run_open(db, a, label, &out->a, e));
    TRY(database_run_open(db, b, label, &out->b, e));
    if (out->a.run.classes != out->b.run.classes)
        TRY(err_set(
            e, ERR_USAGE, "diff: run %s has %d classes, but run %s %d: they cannot agree",
            out->a.run.name, out->a.run.classes, out->b.run.name, out->b.run.classes));
    TRY(pair_rows(out, e));
    if (out->count == 0)
        TRY(err_set(
            e, ERR_MISSING, "diff: run %s over %s and run %s over %s share no picture",
            out->a.run.name, out->a.run.dataset, out->b.run.name, out->b.run.dataset));
out:
    if (rc != ERR_OK)
        pairs_close(out);
    return rc;
}

void pairs_close(struct pairs *pairs)
{
    database_run_release(&pairs->a);
    database_run_release(&pairs->b);
    free(pairs->all);
    *pairs = (struct pairs){0};
}

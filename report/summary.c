#include "report/matrix.h"

#include "base/mem.h"

#include <stdlib.h>

static void count_cell(struct rep_tally *tally, const struct row_cell *cell)
{
    size_t n = (size_t)cell->count;
    tally->images += n;
    tally->failed += cell->predicted == ROW_FAILED ? n : 0;
    if (cell->predicted < 0)
        return;
    tally->done += n;
    if (cell->truth < 0)
        return;
    tally->labelled += n;
    tally->top1 += cell->truth == cell->predicted ? n : 0;
    tally->top5 += (size_t)cell->top5;
}

static void bin_cell(struct rep_summary *s, int64_t sums[REP_BINS],
                     const struct row_cell *cell)
{
    if (cell->truth < 0 || cell->predicted < 0 || cell->bin < 0 || cell->bin >= REP_BINS)
        return;
    struct rep_bin *bin = &s->bins[cell->bin];
    bin->count += (size_t)cell->count;
    bin->correct += cell->truth == cell->predicted ? (size_t)cell->count : 0;
    sums[cell->bin] += cell->confidence;
}

size_t rep_pairs_of(const struct row_cell *cells, size_t n, struct rep_pair *out)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const struct row_cell *cell = &cells[i];
        if (cell->truth < 0 || cell->predicted < 0)
            continue;
        if (at && out[at - 1].truth == cell->truth &&
            out[at - 1].predicted == cell->predicted)
            out[at - 1].count += (size_t)cell->count;
        else
            out[at++] =
                (struct rep_pair){cell->truth, cell->predicted, (size_t)cell->count, 0};
    }
    rep_pairs_total(out, at);
    return at;
}

static void count_top5(struct rep_summary *s, const struct row_cell *cells, size_t n,
                       int classes)
{
    for (size_t i = 0; i < n; i++) {
        struct rep_class *truth = rep_class_entry(s->classes, classes, cells[i].truth);
        if (truth && cells[i].predicted >= 0)
            truth->top5 += (size_t)cells[i].top5;
    }
}

static size_t keep_truth(struct rep_pair *pairs, size_t n, int truth)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (pairs[i].truth == truth)
            pairs[kept++] = pairs[i];
    return kept;
}

enum err_code rep_summary(const struct row_cell *cells, size_t n, int classes, int only,
                          struct rep_summary *out, struct err *e)
{
    int64_t sums[REP_BINS] = {0};
    *out = (struct rep_summary){.pairs = mem_array(n, sizeof *out->pairs)};
    if (!out->pairs)
        return err_set(e, ERR_NOMEM, "no memory to count confusions");
    for (size_t i = 0; i < n; i++) {
        if (only >= 0 && cells[i].truth != only)
            continue;
        count_cell(&out->tally, &cells[i]);
        bin_cell(out, sums, &cells[i]);
    }
    rep_bins_finish(out->bins, sums, &out->ece);
    // A class's precision needs the pictures of the others.
    size_t folded = rep_pairs_of(cells, n, out->pairs);
    enum err_code rc = rep_classes_of(out->pairs, folded, classes, &out->classes, e);
    if (rc != ERR_OK) {
        rep_summary_release(out);
        return rc;
    }
    count_top5(out, cells, n, classes);
    if (only >= 0)
        folded = keep_truth(out->pairs, folded, only);
    out->pair_count = rep_pairs_keep(out->pairs, folded);
    return ERR_OK;
}

enum err_code rep_summary_rows(const struct row *rows, size_t n, int classes, int only,
                               struct rep_summary *out, struct err *e)
{
    struct row_cells cells = {0};
    enum err_code rc = ERR_OK;
    *out = (struct rep_summary){0};
    for (size_t i = 0; i < n; i++)
        if (!row_cells_add(&cells, &rows[i]))
            TRY(err_set(e, ERR_NOMEM, "no memory to count confusions"));
    row_cells_sort(&cells);
    rc = rep_summary(cells.all, cells.count, classes, only, out, e);
out:
    row_cells_release(&cells);
    return rc;
}

void rep_summary_release(struct rep_summary *summary)
{
    free(summary->pairs);
    free(summary->classes);
    *summary = (struct rep_summary){0};
}

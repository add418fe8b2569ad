#ifndef REPORT_H
#define REPORT_H

// What rows mean: accuracy, confusion, classes, calibration, filters, and files that
// other tools read. Pure functions over rows; the same ones feed the terminal UI, --json
// and exports. Formulas name their source.

#include "cache/row.h"
#include "dataset/labels.h"

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// ---- accuracy ----

// Running counts; adding and taking away a row are O(1), so a live view stays exact.
struct rep_tally {
    size_t images;   // rows seen
    size_t done;     // with a prediction
    size_t failed;   // with an error
    size_t labelled; // with a prediction and a label
    size_t top1, top5;
};
void rep_tally_add(struct rep_tally *tally, const struct row *row);
void rep_tally_remove(struct rep_tally *tally, const struct row *row);

// Percent, or NaN when nothing is labelled.
double rep_percent(size_t hits, size_t of);

// Wilson score interval (Wilson 1927) at 95 % for hits of n, in percent; 0…100 when n is
// 0.
struct rep_interval {
    double low, high;
};
struct rep_interval rep_wilson(size_t hits, size_t n);

// Two-sided p of the exact sign test: how probable a split of pairs at least as uneven is
// when either side is as likely. Over pictures that just one of two ways gets right it is
// McNemar's test (McNemar 1947). 1 when there are no pairs.
double rep_sign_test(size_t better, size_t worse);

// ---- confusion ----

struct rep_pair {
    int truth, predicted;
    size_t count;
    size_t truth_total; // scored pictures of the true class
};

// Most confused pairs (truth ≠ predicted), most first, ties by class indices; malloc'ed.
enum err_code rep_pairs(const struct row *rows, size_t n, struct rep_pair **pairs,
                        size_t *count, struct err *e) MUST_CHECK;

// Every non-empty cell including the diagonal, ordered by (truth, predicted).
enum err_code rep_confusion(const struct row *rows, size_t n, struct rep_pair **cells,
                            size_t *count, struct err *e) MUST_CHECK;

// ---- classes ----

struct rep_class {
    int index;
    size_t support;   // scored pictures of this class
    size_t predicted; // scored pictures that were called this class
    size_t correct;
    size_t top5;
    double precision, recall, f1; // NaN where undefined
    int confused_with;            // most frequent wrong answer, -1 when none
    size_t confused_count;
};

// One entry a class 0 … classes-1; malloc'ed.
enum err_code rep_classes(const struct row *rows, size_t n, int classes,
                          struct rep_class **out, struct err *e) MUST_CHECK;

// ---- calibration ----

enum { REP_BINS = ROW_BINS };
struct rep_bin {
    double low, high; // of confidence (prob of the best)
    size_t count, correct;
    double mean_confidence, accuracy; // NaN when empty
};
// Equal-width bins and the expected calibration error (Guo et al. 2017), 0…1.
void rep_calibration(const struct row *rows, size_t n, struct rep_bin bins[REP_BINS],
                     double *ece);

// ---- all of it from cells ----

// The same figures as above from the cells that a database keeps of a run (cache.h), or
// from those of rows.
struct rep_summary {
    struct rep_tally tally;
    struct rep_pair *pairs; // as rep_pairs
    size_t pair_count;
    struct rep_class *classes; // as rep_classes
    struct rep_bin bins[REP_BINS];
    double ece;
};
// only: everything but `classes` is of the pictures of this class; -1: of all.
enum err_code rep_summary(const struct row_cell *cells, size_t n, int classes, int only,
                          struct rep_summary *out, struct err *e) MUST_CHECK;
enum err_code rep_summary_rows(const struct row *rows, size_t n, int classes, int only,
                               struct rep_summary *out, struct err *e) MUST_CHECK;
void rep_summary_release(struct rep_summary *summary);

// ---- other truths ----

// Rows whose classes are others than the network's: coarser ones (labels_fold), and
// labels that were reassessed (labels_real), of which the prediction is right when it is
// any. All figures and exports above and below then follow from the rows as ever. The
// probabilities stay those of the network's classes.
struct rep_relabel {
    const int *group_of; // a group for each of so many classes; NULL: as they are
    int classes;
    const struct labels_real *real; // by the official names of the pictures, or NULL
};
struct rep_reassessed {
    size_t unknown;  // pictures that the reassessed labels do not know: no label now
    size_t excluded; // no class is right: no label now
    size_t several;  // more than one is
    // Of those with a prediction and both labels: right by both, by one, by none.
    size_t both, only_before, only_now, neither;
};
// Adds to counts.
void rep_relabel(const struct rep_relabel *how, struct row *rows, size_t n,
                 struct rep_reassessed *counts);

// ---- filters ----

// "wrong and conf>0.9 and class=crane": see xlens(1), FILTERS. Terms: wrong right top5
// missed5 error run unrun labelled unlabelled marked; class= pred= (also !=) file~ ; conf
// rank margin with = != < <= > >= ; not binds most, then and, which may be left out, then
// or; ( ). "" matches everything. Class names (words with _ or in quotes), indices and
// WordNet ids are accepted; a name that several classes bear matches all of them. rank 1
// is best, and a label that is not among the five ranks below all. file~ takes * and ?;
// without them the text may be anywhere; case is ignored. A wrong filter is ERR_USAGE
// with the column. labels may be NULL: then only indices name classes.
struct rep_filter;
enum err_code rep_filter_parse(const char *text, const struct labels *labels,
                               struct rep_filter **out, struct err *e) MUST_CHECK;
bool rep_filter_match(const struct rep_filter *filter, const struct row *row,
                      bool marked);
void rep_filter_free(struct rep_filter *filter);

// ---- order ----

enum rep_sort {
    REP_SORT_FILE,
    REP_SORT_CONFIDENCE, // most confident first
    REP_SORT_LABEL,
    REP_SORT_PREDICTED,
    REP_SORT_MARGIN, // smallest gap between the best two first
    REP_SORT_COUNT
};
const char *rep_sort_name(enum rep_sort sort);
// Sorts indices (below 2^32) into rows; what lacks the key (a prediction, for
// REP_SORT_LABEL a label) comes last, reversed or not; ties by index.
void rep_sort(const struct row *rows, size_t *indices, size_t n, enum rep_sort sort,
              bool reverse);

#endif

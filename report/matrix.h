#ifndef REPORT_MATRIX_H
#define REPORT_MATRIX_H

// Inside the report room: what is exported, row by row, or as the confusion matrix, still
// sparse, with the classes that its rows and columns stand for.

#include "report/export.h"

enum err_code rep_export_each(const struct rep_export *what, rep_row_fn *fn, void *ctx,
                              struct err *e) MUST_CHECK;

// Up to so many classes the matrix has them all; above, those that occur.
enum { REP_MATRIX_FULL = 1000 };

struct rep_matrix {
    struct rep_pair *cells; // ordered by (truth, predicted)
    size_t count;
    int *axis; // class indices, ascending, the same for rows and columns
    size_t size;
};

enum err_code rep_matrix_init(const struct rep_export *what, struct rep_matrix *out,
                              struct err *e) MUST_CHECK;
void rep_matrix_release(struct rep_matrix *matrix);

// Place of a class on the axis; it is there.
size_t rep_matrix_place(const struct rep_matrix *matrix, int index);

// The rest of rep_pairs, rep_classes and rep_calibration: from confusion cells (which
// become the pairs), from those and what only rows or cells know (the top five of each
// class), from counts and sums of confidence.
void rep_pairs_total(struct rep_pair *cells, size_t count);
size_t rep_pairs_keep(struct rep_pair *cells, size_t count);
enum err_code rep_classes_of(const struct rep_pair *cells, size_t count, int classes,
                             struct rep_class **out, struct err *e) MUST_CHECK;
struct rep_class *rep_class_entry(struct rep_class *list, int classes, int index);
void rep_bins_finish(struct rep_bin bins[REP_BINS], const int64_t sums[REP_BINS],
                     double *ece);

// rep_confusion of rows that come one by one: adds one to the cells; what they are in the
// end.
enum err_code rep_confusion_add(struct row_cells *cells, const struct row *row,
                                struct err *e) MUST_CHECK;
enum err_code rep_confusion_of(struct row_cells *cells, struct rep_pair **out,
                               size_t *count, struct err *e) MUST_CHECK;

// Sorted cells without their bins, of labelled and predicted rows; out has room for all
// n.
size_t rep_pairs_of(const struct row_cell *cells, size_t n, struct rep_pair *out);

// Whether rep_sort puts a before b, ties aside.
bool rep_sort_before(const struct row *a, const struct row *b, enum rep_sort sort);

#endif

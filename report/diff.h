#ifndef REPORT_DIFF_H
#define REPORT_DIFF_H

// Two runs beside each other.

#include "cache/row.h"
#include "dataset/labels.h"

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

// Counts of pictures that two runs have predicted; of labelled ones but for the first
// two.
struct rep_diff {
    size_t shared, agree; // agree: the same best class
    size_t labelled;
    size_t right[2][2]; // [a is right][b is right]
    size_t top5_a, top5_b;
};
void rep_diff_add(struct rep_diff *diff, const struct row *a, const struct row *b);

// A picture in two runs.
struct rep_pictures {
    const struct row *a, *b;
};

// csv: file,label,label_name,a_top1,a_name,a_prob,b_top1,b_name,b_prob; or a datalist of
// absolute paths below root, with labels.
enum rep_diff_format { REP_DIFF_CSV, REP_DIFF_DATALIST };
enum err_code rep_diff_write(const struct rep_pictures *pictures, size_t n,
                             const struct labels *labels, const char *root,
                             enum rep_diff_format format, FILE *out,
                             struct err *e) MUST_CHECK;

// McNemar's test (1947) of whether two runs are equally often right, given how often only
// one or only the other is: the exact binomial test for fewer than REP_EXACT_BELOW such
// pictures, above chi-square with continuity correction (Edwards 1948).
enum { REP_EXACT_BELOW = 25 };
struct rep_mcnemar {
    bool exact;
    double statistic; // the smaller count, or chi-square
    double p;
};
struct rep_mcnemar rep_mcnemar(size_t only_a, size_t only_b);

#endif

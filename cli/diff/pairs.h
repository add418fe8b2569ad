#ifndef CLI_PAIRS_H
#define CLI_PAIRS_H

// Two runs beside each other: which of their rows are of the same picture.

#include "cli/open/database.h"

#include "report/diff.h"

struct pairs {
    struct database_run a, b;
    // In the order of a's file names. Both rows have one label: a's, or b's where a has
    // none.
    struct rep_pictures *all;
    size_t count;
    size_t only_a, only_b; // rows without a counterpart
    size_t conflicts;      // labels of b that were not a's
};

// Pictures pair by file name; in runs over different datasets also by the last part of
// it. Runs of different numbers of classes are refused.
enum err_code pairs_open(const char *db, const char *a, const char *b, const char *label,
                         struct pairs *out, struct err *e) MUST_CHECK;
void pairs_close(struct pairs *pairs);

#endif

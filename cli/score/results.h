#ifndef CLI_RESULTS_H
#define CLI_RESULTS_H

// The results of a network on a datalist, with the truth beside them.

#include "cli/cmd.h"

#include "cache/row.h"
#include "dataset/dataset.h"

struct results_spec {
    const char *path, *datalist, *label, *val_label; // the last two may be NULL
    bool ilsvrc_order;
    bool sorted; // pair by sorted place as well
};

struct results {
    struct ds *ds;       // the datalist
    struct row *rows;    // a line of it each; a missing result has no prediction
    struct row *sorted;  // the same paired by sorted place, or NULL
    size_t sorted_count; // as many as there are of the fewer, lines or results
    const struct labels *labels;
    size_t strangers; // results that belong to no line
    char *stranger;   // one of them
    struct labels *owned_labels;
    struct rowset set; // strings
};

// Damaged results are told and count as missing.
enum err_code results_open(const struct cli *cli, const struct results_spec *spec,
                           struct results *out, struct err *e) MUST_CHECK;
void results_close(struct results *results);

// Place of the truth among the names of sorted[i]'s classes, -1 when it is not there.
int results_rank_by_name(const struct results *results, size_t i);

#endif

#ifndef TUI_ANALYSIS_H
#define TUI_ANALYSIS_H

// Tables over all rows, made when a view that shows them is on screen and the rows have
// changed, and not more often than the cost allows.

#include "tui/state.h"

#include "report/report.h"

#include <stdbool.h>
#include <stddef.h>

struct analysis {
    bool made;
    unsigned long version; // of the state it was made from
    double time, cost;

    struct rep_pair *pairs; // most confused first
    size_t pair_count;
    struct rep_pair *cells; // ordered by (truth, predicted)
    size_t cell_count;
    struct rep_class *classes; // by index
    int *class_order;          // classes that have pictures, as the view sorts them
    size_t class_count;
    int *axis; // classes of the matrix, by index
    size_t axis_count;
};

enum class_order { CLASS_BY_ERRORS, CLASS_BY_RECALL, CLASS_BY_INDEX, CLASS_ORDERS };
const char *class_order_name(int order);

// Brings the tables up to date when it is time; classes come in `order`.
void analysis_update(struct analysis *analysis, const struct state *state, int order,
                     double now);
// Whether rows have changed since.
bool analysis_stale(const struct analysis *analysis, const struct state *state);
void analysis_clear(struct analysis *analysis);

// Pictures of `truth` that were called `predicted`.
size_t analysis_cell(const struct analysis *analysis, int truth, int predicted);

#endif

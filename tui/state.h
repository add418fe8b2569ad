#ifndef TUI_STATE_H
#define TUI_STATE_H

// What is known of the dataset and which part of it is looked at: a row for each picture,
// aligned with the dataset; the view, which is the filtered and sorted list of them; the
// selection, which sticks to its picture whatever arrives. No screen.

#include "tui/marks.h"
#include "tui/widget/cursor.h"

#include "cache/row.h"
#include "dataset/dataset.h"
#include "report/report.h"

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

// REP_SORT_ orders, and the one for hunting errors on top of them.
enum { ORDER_ERRORS = REP_SORT_COUNT, ORDER_COUNT };

struct state {
    const struct ds *ds;
    const struct labels *labels;
    int classes;

    struct rowset set; // rows[i] belongs to item i
    struct rep_tally tally;
    unsigned long version; // grows with every change of a row

    size_t *view; // items, filtered and sorted
    size_t count;
    struct cursor cursor; // into view
    bool moved;           // the user has chosen a place: it is kept

    char *filter_text;
    struct rep_filter *filter; // NULL: everything
    bool wrong_only;
    int order;
    bool reverse;

    struct marks marks;

    bool stale;       // rows changed since the view was made
    double view_cost; // seconds that making it took
    double view_time; // when
};

enum err_code state_init(struct state *state, const struct ds *ds,
                         const struct labels *labels, struct err *e) MUST_CHECK;
void state_release(struct state *state);

// Other names, borrowed; how many there are is how many classes there are.
void state_set_labels(struct state *state, const struct labels *labels);

// Forgets all predictions.
void state_clear_rows(struct state *state);

// Replaces the row of an item; text is copied.
void state_put(struct state *state, size_t item, const struct row *row);

// The row that entry `i` of the view shows.
const struct row *state_row(const struct state *state, size_t i);

// The selected item; false when the view is empty.
bool state_selected(const struct state *state, size_t *item);

// Moves the selection to an item; false when the view does not hold it.
bool state_select(struct state *state, size_t item);

// Makes the view anew: filter, order, and the selection back on its picture (or where it
// was, when the picture is gone from the view).
void state_refresh(struct state *state);

// The same, when rows have changed and it is time: large sets are not sorted all the
// time.
bool state_refresh_due(const struct state *state, double now);

// Filter expression of report.h; on an error the old filter stays.
enum err_code state_set_filter(struct state *state, const char *text,
                               struct err *e) MUST_CHECK;
void state_set_wrong_only(struct state *state, bool on);
void state_set_order(struct state *state, int order, bool reverse);

const char *state_order_name(int order);
int state_order_find(const char *name); // -1 when there is none

#endif

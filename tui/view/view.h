#ifndef TUI_VIEW_VIEW_H
#define TUI_VIEW_VIEW_H

// A view is one table of functions; what it shows comes from the app.

#include "tui/widget/cursor.h"
#include "tui/widget/layout.h"

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct app;

enum view_id {
    VIEW_LIST,
    VIEW_GRID,
    VIEW_PAIRS,
    VIEW_MATRIX,
    VIEW_CLASSES,
    VIEW_RUN,
    VIEW_RUNS,
    VIEW_TABS, // those before have a place in the row of tabs
    VIEW_PICTURE = VIEW_TABS,
    VIEW_HELP,
    VIEW_COUNT
};

struct view_ops {
    const char *name; // as in ":pictures"
    const char *tab;  // word in the title bar
    const char *key;  // key that opens it
    bool tables;      // shows what analysis.h makes
    bool items; // shows the filtered list of pictures: shares its cursor, marks, filter

    void (*head)(struct app *app, struct str *left, struct str *right);
    void (*draw)(struct app *app, struct rect body);

    // Entries and the place among them; NULL cursor: nothing can be selected.
    size_t (*count)(const struct app *app);
    struct cursor *(*cursor)(struct app *app);
    // What search looks at in entry i.
    void (*text)(const struct app *app, size_t i, struct str *out);

    // Enter. NULL: nothing happens.
    void (*open)(struct app *app);
    // Left and right where the cursor's own meaning is not enough; false: not taken.
    bool (*sideways)(struct app *app, int columns);
};

extern const struct view_ops view_list, view_grid, view_pairs, view_matrix, view_classes,
    view_run, view_runs, view_picture, view_help;

// The picture and what the model says of it, in the two rectangles. Wants the picture.
void preview_draw(struct app *app, size_t item, struct rect picture, struct rect details);

// A picture centred in a box, or why it cannot be shown.
void preview_picture(struct app *app, size_t item, struct rect box);

#endif

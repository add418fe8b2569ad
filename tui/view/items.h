#ifndef TUI_VIEW_ITEMS_H
#define TUI_VIEW_ITEMS_H

// What the views of pictures (list, thumbnails, picture) have in common: they show the
// same filtered list and share its cursor.

#include "tui/view/view.h"
#include "tui/widget/theme.h"

#include "cache/row.h"

void items_head(struct app *app, struct str *left, struct str *right);
size_t items_count(const struct app *app);
struct cursor *items_cursor(struct app *app);
void items_text(const struct app *app, size_t i, struct str *out);

// Right, wrong, unreadable or not run, with the style that goes with it.
enum glyph items_verdict(const struct row *row, int *style);

// Whether entry i lies between the start of the range being marked and the cursor.
bool items_in_range(const struct app *app, size_t i);

// Asks for the pictures that the next keys will probably show.
void items_want_neighbours(struct app *app, struct rect box);

#endif

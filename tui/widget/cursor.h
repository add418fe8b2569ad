#ifndef TUI_WIDGET_CURSOR_H
#define TUI_WIDGET_CURSOR_H

// The place in a list that is longer than the screen. Owns no data.

#include <stdbool.h>
#include <stddef.h>

struct cursor {
    size_t pos;    // selected entry
    size_t top;    // first entry on screen, a multiple of stride
    size_t rows;   // rows on screen at the last drawing
    size_t stride; // entries a row: 1 in lists, columns in a grid
};

enum move {
    MOVE_UP,
    MOVE_DOWN,
    MOVE_LEFT,
    MOVE_RIGHT,
    MOVE_PAGE_UP,
    MOVE_PAGE_DOWN,
    MOVE_HALF_UP,
    MOVE_HALF_DOWN,
    MOVE_FIRST,
    MOVE_LAST,
};

void cursor_move(struct cursor *cursor, size_t count, enum move move, size_t times);

// Makes pos and top valid for `count` entries on `rows` rows of `stride` entries; called
// before drawing.
void cursor_fit(struct cursor *cursor, size_t count, size_t rows, size_t stride);

#endif

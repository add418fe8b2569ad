#ifndef TUI_WIDGET_LAYOUT_H
#define TUI_WIDGET_LAYOUT_H

// Where things go on a screen of any size. Pure arithmetic: rectangles never overlap,
// never leave the screen and never have a negative extent.

#include <stdbool.h>

struct rect {
    int y, x, h, w;
};

enum {
    LAYOUT_MIN_W = 40, // below this the screen only says how large it must be
    LAYOUT_MIN_H = 10,
    LAYOUT_BESIDE_W = 100, // from here on a preview stands beside the list
    LAYOUT_STACKED_W = 80, // from here on it stands below the list
    LAYOUT_STACKED_H = 24,
};

struct layout {
    bool too_small;
    struct rect title; // program, dataset, views
    struct rect head;  // what the view shows
    struct rect body;
    struct rect info; // job and accuracy
    struct rect line; // message, prompt, hints
};
void layout_solve(int w, int h, struct layout *out);

// A list with, where there is room, a preview of what is selected. Rectangles that do not
// fit have no extent.
struct layout_panes {
    struct rect list, divider, picture, details;
    bool beside; // divider is a column, else a row
};
void layout_list(struct rect body, struct layout_panes *out);

// A picture as large as possible with its details beside or below it; list is empty.
void layout_picture(struct rect body, struct layout_panes *out);

// Tiles of a thumbnail grid: how many fit and how large each is, captions included.
struct layout_grid {
    int columns, rows, tile_w, tile_h;
};
void layout_grid(struct rect body, struct layout_grid *out);

#endif

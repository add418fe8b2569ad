#ifndef TUI_WIDGET_DRAW_H
#define TUI_WIDGET_DRAW_H

// Text and shapes onto the screen, clipped to their rectangle. Text is UTF-8 from files
// and users: control characters and bad sequences show as '?', and in ASCII mode whatever
// is not ASCII.

#include "tui/widget/layout.h"
#include "tui/widget/theme.h"

#include "base/attr.h"

#include <stddef.h>

// The whole screen in the ground of the theme.
void draw_clear(void);

// Fills with the ground of the style.
void draw_fill(struct rect area, int style);

// At most `width` columns at (y, x); longer text ends in an ellipsis. Returns the columns
// used.
int draw_text(int y, int x, int width, int style, const char *text);
int draw_textf(int y, int x, int width, int style, const char *fmt, ...)
    PRINTF_LIKE(5, 6);

// The same, padded to the width: a field of a table. `tail` keeps the end of text that is
// too long (file names), `right` aligns to the right.
enum draw_align { DRAW_LEFT, DRAW_RIGHT, DRAW_TAIL };
void draw_field(int y, int x, int width, int style, enum draw_align align,
                const char *text);

// The ground of a line of a list, with the mark of the cursor where it stands. Returns
// what its text or-s to its styles.
int draw_entry(struct rect line, bool here, bool selected);

// Where the terminal's own cursor is to stand in this frame; the last one counts.
void draw_caret(int y, int x);
void draw_caret_move(void);

// Columns that a text takes.
int draw_width(const char *text);

void draw_glyph(int y, int x, int style, enum glyph glyph);
void draw_hline(int y, int x, int width, int style, enum glyph glyph);
void draw_vline(int y, int x, int height, int style, enum glyph glyph);

// A box that hides what is below, with a title in its frame.
void draw_box(struct rect area, int style, const char *title);

// One cell of given palette colours (-1: the theme's).
struct draw_cell {
    unsigned ch;
    short ink, ground;
};
void draw_cells(int y, int x, const struct draw_cell *cells, int count);

// One code point from UTF-8; '?' for what is invalid. Returns the bytes taken, 0 at the
// end.
int draw_decode(const char *text, unsigned *code);

#endif

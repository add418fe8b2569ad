#ifndef TUI_WIDGET_THEME_H
#define TUI_WIDGET_THEME_H

// Colours and glyphs for what the terminal can show. Set up once, after curses.

#include <stdbool.h>

enum color_mode { COLOR_MODE_MONO, COLOR_MODE_8, COLOR_MODE_16, COLOR_MODE_256 };

enum style {
#define STYLE(name, ink, ground, ink16, ground16, attributes) STYLE_##name,
#include "tui/widget/style.def"
#undef STYLE
    STYLE_COUNT,
    STYLE_SELECTED = 0x100 // or-ed to a style: the selected row
};

enum glyph {
#define GLYPH(name, utf8, ascii) GLYPH_##name,
#include "tui/widget/glyph.def"
#undef GLYPH
    GLYPH_COUNT
};

void theme_init(enum color_mode mode, bool utf8);
bool theme_utf8(void);
const char *theme_glyph(enum glyph glyph);

// Attributes (curses') and colour pair of a style, selected or not.
void theme_ink(int style, unsigned *attributes, int *pair);

// Pair for two palette colours, -1 the ground of the theme. 0 when there is no colour.
int theme_pair(int ink, int ground);

#endif

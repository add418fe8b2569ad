#include "tui/widget/theme.h"

#include <curses.h>
#include <string.h>

// One theme per process, as there is one screen.
static struct {
    enum color_mode mode;
    bool utf8;
    int ground, selected;
    // alloc_pair searches a tree; a picture asks for thousands of pairs a frame.
    unsigned short pairs[257][257];
    int pair_count;
} theme;

static const struct {
    short ink, ground, ink16, ground16;
    attr_t attributes;
} styles[] = {
#define STYLE(name, ink, ground, ink16, ground16, attributes)                            \
    {ink, ground, ink16, ground16, attributes},
#include "tui/widget/style.def"
#undef STYLE
};

static const char *const glyphs[][2] = {
#define GLYPH(name, utf8, ascii) {ascii, utf8},
#include "tui/widget/glyph.def"
#undef GLYPH
};

enum { GROUND_256 = 234, SELECTED_256 = 238 };

void theme_init(enum color_mode mode, bool utf8)
{
    memset(&theme, 0, sizeof theme);
    theme.mode = mode;
    theme.utf8 = utf8;
    // With 256 colours the ground is our own, so that every ink has the contrast that it
    // was chosen for; with fewer it is the terminal's.
    theme.ground = mode == COLOR_MODE_256 ? GROUND_256 : -1;
    theme.selected = mode == COLOR_MODE_256 ? SELECTED_256 : -1;
}

bool theme_utf8(void)
{
    return theme.utf8;
}

const char *theme_glyph(enum glyph glyph)
{
    return glyphs[glyph][theme.utf8];
}

int theme_pair(int ink, int ground)
{
    if (theme.mode == COLOR_MODE_MONO)
        return 0;
    if (ground < 0)
        ground = theme.ground;
    unsigned short *slot = &theme.pairs[ink + 1][ground + 1];
    if (*slot == 0) {
        // The table of the terminal may be smaller than the colours squared.
        if (theme.pair_count >= COLOR_PAIRS - 2) {
            reset_color_pairs();
            memset(theme.pairs, 0, sizeof theme.pairs);
            theme.pair_count = 0;
        }
        int pair = alloc_pair(ink, ground);
        if (pair <= 0)
            return 0;
        theme.pair_count++;
        *slot = (unsigned short)pair;
    }
    return *slot;
}

void theme_ink(int style, unsigned *attributes, int *pair)
{
    bool selected = (style & STYLE_SELECTED) != 0;
    int base = style & ~STYLE_SELECTED;
    bool rich = theme.mode == COLOR_MODE_256;
    int ink = rich ? styles[base].ink : styles[base].ink16;
    int ground = rich ? styles[base].ground : styles[base].ground16;
    *attributes = styles[base].attributes;
    if (theme.mode == COLOR_MODE_256)
        *attributes &= ~A_DIM;
    if (selected && rich) {
        ground = theme.selected;
    } else if (selected) {
        // Reverse video of the default colours reads on any palette.
        *attributes = A_REVERSE;
        ink = ground = -1;
    } else if (theme.mode == COLOR_MODE_MONO && ground >= 0) {
        *attributes |= A_REVERSE;
        if (base == STYLE_TAB_ON)
            *attributes = A_BOLD | A_UNDERLINE;
    }
    *pair = theme_pair(ink, ground);
}

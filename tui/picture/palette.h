#ifndef TUI_PICTURE_PALETTE_H
#define TUI_PICTURE_PALETTE_H

// Nearest colours of the terminal's palette.

#include "tui/widget/theme.h"

// Index of the colour (0xRRGGBB) in the palette of the mode; -1 in mono. With 256 colours
// only the cube and the greys are used: the first 16 belong to the user's theme.
short palette_nearest(enum color_mode mode, unsigned rgb);

// 0xRRGGBB of a palette entry as xterm has it.
unsigned palette_rgb(int index);

#endif

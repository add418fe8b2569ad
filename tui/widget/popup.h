#ifndef TUI_WIDGET_POPUP_H
#define TUI_WIDGET_POPUP_H

// A question in the middle of the screen that is answered with one key.

#include "tui/widget/layout.h"

#include <stdbool.h>

enum { POPUP_LINES = 6 };

struct popup {
    bool open;
    char title[64];
    char lines[POPUP_LINES][160];
    int line_count;
};

void popup_draw(const struct popup *popup, int screen_w, int screen_h);

#endif

#ifndef TUI_WIDGET_BARS_H
#define TUI_WIDGET_BARS_H

// Bars that show a share, in half columns.

// A bar of `width` columns filled to `share` (0…1).
void bar_share(int y, int x, int width, int style, double share);

// A scale from 0 to 100 percent with the interval low…high and the value on it.
void bar_interval(int y, int x, int width, int style, double low, double value,
                  double high);

#endif

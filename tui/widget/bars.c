#include "tui/widget/bars.h"

#include "tui/widget/draw.h"

// NaN counts as nothing.
static double clamp_share(double share)
{
    if (!(share > 0))
        return 0;
    return share < 1 ? share : 1;
}

void bar_share(int y, int x, int width, int style, double share)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    if (width <= 0)
        return;
    int parts = (int)(clamp_share(share) * width * 8 + 0.5);
    int full = parts / 8;
    int rest = parts % 8;
    draw_hline(y, x, full, style, GLYPH_FULL);
    if (full >= width)
        return;
    int at = x + full;
    draw_hline(y, at, width - full, STYLE_TRACK, GLYPH_TRACK);
    if (rest > 0 && theme_utf8())
        (void)draw_text(y, at, 1, style, eighths[rest]);
}

void bar_interval(int y, int x, int width, int style, double low, double value,
                  double high)
{
    if (width <= 0)
        return;
    int last = width - 1;
    int from = (int)(clamp_share(low / 100) * last + 0.5);
    int to = (int)(clamp_share(high / 100) * last + 0.5);
    int at = (int)(clamp_share(value / 100) * last + 0.5);
    draw_hline(y, x, width, STYLE_TRACK, GLYPH_TRACK);
    draw_hline(y, x + from, to - from + 1, style, GLYPH_SPAN);
    draw_glyph(y, x + at, style, GLYPH_POINT);
}

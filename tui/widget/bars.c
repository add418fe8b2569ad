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
    if (width <= 0)
        return;
    // Heavy lines rather than blocks: bars on neighbouring rows stay apart.
    int halves = (int)(clamp_share(share) * width * 2 + 0.5);
    draw_hline(y, x, width, STYLE_TRACK, GLYPH_TRACK);
    draw_hline(y, x, halves / 2, style, GLYPH_SPAN);
    if (halves % 2)
        draw_glyph(y, x + halves / 2, style, GLYPH_HALF_SPAN);
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

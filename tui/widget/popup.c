#include "tui/widget/popup.h"

#include "tui/widget/draw.h"

void popup_draw(const struct popup *popup, int screen_w, int screen_h)
{
    int w = draw_width(popup->title) + 4;
    for (int i = 0; i < popup->line_count; i++) {
        int line = draw_width(popup->lines[i]);
        w = line > w ? line : w;
    }
    w = w + 6 < screen_w ? w + 6 : screen_w;
    int h = popup->line_count + 4 < screen_h ? popup->line_count + 4 : screen_h;
    struct rect box = {(screen_h - h) / 2, (screen_w - w) / 2, h, w};
    draw_box(box, STYLE_BOX, popup->title);
    for (int i = 0; i < popup->line_count && i < h - 3; i++)
        (void)draw_text(box.y + 2 + i, box.x + 3, w - 5, STYLE_BOX, popup->lines[i]);
}

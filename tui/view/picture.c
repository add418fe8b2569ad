#include "tui/app.h"
#include "tui/view/items.h"
#include "tui/widget/draw.h"

static void picture_draw(struct app *app, struct rect body)
{
    struct layout_panes panes;
    layout_picture(body, &panes);
    struct state *state = &app->state;
    // The list keeps its page; only sideways steps are those of single pictures.
    state->cursor.stride = 1;
    size_t item;
    if (!state_selected(state, &item)) {
        (void)draw_text(body.y + 1, body.x + 2, body.w - 4, STYLE_DIM,
                        "nothing matches the filter");
        return;
    }
    if (panes.beside)
        draw_vline(panes.divider.y, panes.divider.x, panes.divider.h, STYLE_FAINT,
                   GLYPH_VLINE);
    preview_draw(app, item, panes.picture, panes.details);
    items_want_neighbours(app, panes.picture);
}

const struct view_ops view_picture = {
    .name = "picture",
    .tab = "Picture",
    .key = "Enter",
    .items = true,
    .head = items_head,
    .draw = picture_draw,
    .count = items_count,
    .cursor = items_cursor,
    .text = items_text,
};

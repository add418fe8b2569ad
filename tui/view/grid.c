#include "tui/app.h"
#include "tui/view/items.h"
#include "tui/widget/draw.h"

#include "base/str.h"

static void draw_tile(struct app *app, size_t i, struct rect tile)
{
    const struct row *row = state_row(&app->state, i);
    size_t item = app->state.view[i];
    bool here = i == app->state.cursor.pos;
    char name[80];
    int style;
    if (here) {
        draw_box(tile, STYLE_LINK, NULL);
        draw_caret(tile.y + tile.h - 2, tile.x + 1); // at its caption
    }
    preview_picture(app, item,
                    (struct rect){tile.y + 1, tile.x + 1, tile.h - 3, tile.w - 2});
    int y = tile.y + tile.h - 2;
    enum glyph glyph = items_verdict(row, &style);
    if (marks_has(&app->state.marks, item))
        draw_glyph(tile.y + 1, tile.x + 1, STYLE_MARK, GLYPH_MARK);
    draw_glyph(y, tile.x + 1, style, glyph);
    const char *caption =
        row->error      ? row->error
        : row_done(row) ? labels_short(app->state.labels, row->top[0], name, sizeof name)
        : row->label >= 0 ? labels_short(app->state.labels, row->label, name, sizeof name)
                          : str_basename(row->file);
    draw_field(y, tile.x + 3, tile.w - 4,
               here || items_in_range(app, i) ? STYLE_STRONG : STYLE_TEXT, DRAW_LEFT,
               caption);
}

static void grid_draw(struct app *app, struct rect body)
{
    struct state *state = &app->state;
    struct layout_grid grid;
    layout_grid(body, &grid);
    cursor_fit(&state->cursor, state->count, (size_t)grid.rows, (size_t)grid.columns);
    size_t page = (size_t)grid.rows * (size_t)grid.columns;
    for (size_t i = 0; i < page; i++) {
        size_t at = state->cursor.top + i;
        int row = (int)(i / (size_t)grid.columns);
        int column = (int)(i % (size_t)grid.columns);
        if (at < state->count)
            draw_tile(app, at,
                      (struct rect){body.y + row * grid.tile_h,
                                    body.x + column * grid.tile_w, grid.tile_h,
                                    grid.tile_w});
    }
    for (size_t i = page; i < 2 * page && state->cursor.top + i < state->count; i++)
        app_want_ahead(app, (struct pic_want){state->view[state->cursor.top + i],
                                              grid.tile_w - 2, grid.tile_h - 3});
}

static void grid_open(struct app *app)
{
    app_open(app, VIEW_PICTURE);
}

const struct view_ops view_grid = {
    .name = "grid",
    .tab = "Thumbs",
    .key = "t",
    .items = true,
    .head = items_head,
    .draw = grid_draw,
    .count = items_count,
    .cursor = items_cursor,
    .text = items_text,
    .open = grid_open,
};

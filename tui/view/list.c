#include "tui/app.h"
#include "tui/view/items.h"
#include "tui/widget/draw.h"

struct columns {
    int file, label, predicted, confidence; // widths, 0: not shown
};

static struct columns solve_columns(const struct app *app, int w)
{
    struct columns columns = {0};
    int room = w - 6;
    if (app->state.tally.done + app->state.tally.failed > 0 || app->opts->model) {
        columns.confidence = 6;
        room -= columns.confidence + 1;
    }
    int share = room * 3 / 10;
    share = share > 28 ? 28 : share;
    if (ds_labelled(app->opts->ds) > 0 && room >= 24) {
        columns.label = share;
        room -= share + 1;
    }
    if (columns.confidence && room >= 24) {
        columns.predicted = share;
        room -= share + 1;
    }
    columns.file = room;
    return columns;
}

static void draw_header(const struct columns *columns, int y, int x, int w)
{
    draw_field(y, x, w, STYLE_HEAD, DRAW_LEFT, "");
    x += 5;
    draw_field(y, x, columns->file, STYLE_HEAD, DRAW_LEFT, "picture");
    x += columns->file + 1;
    if (columns->label) {
        draw_field(y, x, columns->label, STYLE_HEAD, DRAW_LEFT, "true");
        x += columns->label + 1;
    }
    if (columns->predicted) {
        draw_field(y, x, columns->predicted, STYLE_HEAD, DRAW_LEFT, "predicted");
        x += columns->predicted + 1;
    }
    if (columns->confidence)
        draw_field(y, x, columns->confidence, STYLE_HEAD, DRAW_RIGHT, "conf");
}

static void draw_prediction(const struct app *app, const struct row *row,
                            const struct columns *columns, int y, int x, int selected)
{
    char name[80];
    char percent[16] = "";
    if (row->error) {
        draw_field(y, x, columns->predicted + 1 + columns->confidence,
                   STYLE_ALERT | selected, DRAW_LEFT, row->error);
        return;
    }
    bool wrong = row_scored(row) && !row_correct(row);
    if (columns->predicted) {
        draw_field(y, x, columns->predicted,
                   (wrong ? STYLE_WRONG : STYLE_TEXT) | selected, DRAW_LEFT,
                   row_done(row)
                       ? labels_short(app->state.labels, row->top[0], name, sizeof name)
                       : "");
        x += columns->predicted + 1;
    }
    if (row_done(row))
        (void)snprintf(percent, sizeof percent, "%.1f%%", 100 * (double)row->prob[0]);
    if (columns->confidence)
        draw_field(y, x, columns->confidence, STYLE_TEXT | selected, DRAW_RIGHT, percent);
}

static void draw_row(const struct app *app, size_t i, const struct columns *columns,
                     struct rect line)
{
    const struct row *row = state_row(&app->state, i);
    bool here = i == app->state.cursor.pos;
    int selected = draw_entry(line, here, here || items_in_range(app, i));
    char name[80];
    int style;
    int x = line.x;
    enum glyph glyph = items_verdict(row, &style);
    if (marks_has(&app->state.marks, app->state.view[i]))
        draw_glyph(line.y, x + 1, STYLE_MARK | selected, GLYPH_MARK);
    draw_glyph(line.y, x + 3, style | selected, glyph);
    x += 5;
    draw_field(line.y, x, columns->file, STYLE_TEXT | selected, DRAW_TAIL, row->file);
    x += columns->file + 1;
    if (columns->label) {
        const char *label = row->label >= 0 ? labels_short(app->state.labels, row->label,
                                                           name, sizeof name)
                                            : "";
        draw_field(line.y, x, columns->label, STYLE_TEXT | selected, DRAW_LEFT, label);
        x += columns->label + 1;
    }
    draw_prediction(app, row, columns, line.y, x, selected);
}

static void draw_list(struct app *app, struct rect area)
{
    struct state *state = &app->state;
    struct columns columns = solve_columns(app, area.w);
    draw_header(&columns, area.y, area.x, area.w);
    cursor_fit(&state->cursor, state->count, (size_t)(area.h - 1), 1);
    for (int i = 0; i < area.h - 1; i++) {
        size_t at = state->cursor.top + (size_t)i;
        if (at < state->count)
            draw_row(app, at, &columns, (struct rect){area.y + 1 + i, area.x, 1, area.w});
    }
    if (state->count == 0)
        (void)draw_text(area.y + 2, area.x + 5, area.w - 6, STYLE_DIM,
                        ds_count(app->opts->ds) ? "nothing matches the filter"
                                                : "no pictures here");
}

static void list_draw(struct app *app, struct rect body)
{
    struct layout_panes panes;
    layout_list(body, &panes);
    draw_list(app, panes.list);
    if (panes.picture.h == 0)
        return;
    if (panes.beside)
        draw_vline(panes.divider.y, panes.divider.x, panes.divider.h, STYLE_FAINT,
                   GLYPH_VLINE);
    else
        draw_hline(panes.divider.y, panes.divider.x, panes.divider.w, STYLE_FAINT,
                   GLYPH_HLINE);
    size_t item;
    if (!state_selected(&app->state, &item))
        return;
    preview_draw(app, item, panes.picture, panes.details);
    items_want_neighbours(app, panes.picture);
}

static void list_open(struct app *app)
{
    app_open(app, VIEW_PICTURE);
}

static bool list_sideways(struct app *app, int columns)
{
    if (columns > 0)
        list_open(app);
    else
        (void)app_back(app);
    return true;
}

const struct view_ops view_list = {
    .name = "pictures",
    .tab = "Pictures",
    .key = "i",
    .items = true,
    .head = items_head,
    .draw = list_draw,
    .count = items_count,
    .cursor = items_cursor,
    .text = items_text,
    .open = list_open,
    .sideways = list_sideways,
};

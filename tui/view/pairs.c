#include "tui/app.h"
#include "tui/widget/bars.h"
#include "tui/widget/draw.h"

#include "base/mem.h"

#include <stdlib.h>

static void pairs_head(struct app *app, struct str *left, struct str *right)
{
    const struct analysis *analysis = &app->analysis;
    str_add(left, "Most confused pairs");
    str_addf(right, "%zu/%zu", analysis->pair_count ? app->pairs_cursor.pos + 1 : 0,
             analysis->pair_count);
}

static size_t pairs_count(const struct app *app)
{
    return app->analysis.pair_count;
}

static struct cursor *pairs_cursor(struct app *app)
{
    return &app->pairs_cursor;
}

static void pairs_text(const struct app *app, size_t i, struct str *out)
{
    const struct rep_pair *pair = &app->analysis.pairs[i];
    str_addf(out, "%s %s", labels_words(app->state.labels, pair->truth),
             labels_words(app->state.labels, pair->predicted));
}

static void pairs_open(struct app *app)
{
    const struct rep_pair *pair = &app->analysis.pairs[app->pairs_cursor.pos];
    char truth[40], predicted[40];
    char *filter = mem_printf("class=%d and pred=%d", pair->truth, pair->predicted);
    char *caption = mem_printf(
        "%s %s %s", labels_short(app->state.labels, pair->truth, truth, sizeof truth),
        theme_glyph(GLYPH_ARROW),
        labels_short(app->state.labels, pair->predicted, predicted, sizeof predicted));
    app_drill(app, filter, caption);
    free(filter);
    free(caption);
}

static void draw_pair(const struct app *app, size_t i, struct rect line)
{
    const struct rep_pair *pair = &app->analysis.pairs[i];
    bool here = i == app->pairs_cursor.pos;
    int selected = draw_entry(line, here, here);
    char name[80];
    int y = line.y, x = line.x;
    (void)draw_textf(y, x + 2, 5, STYLE_STRONG | selected, "%4zu", pair->count);
    (void)draw_textf(y, x + 7, 12, STYLE_DIM | selected, "of %zu", pair->truth_total);
    int names = (line.w - 18 - 3) / 2;
    names = names > 34 ? 34 : names;
    draw_field(y, x + 16, names, STYLE_TEXT | selected, DRAW_LEFT,
               labels_short(app->state.labels, pair->truth, name, sizeof name));
    draw_glyph(y, x + 17 + names, STYLE_DIM | selected, GLYPH_ARROW);
    draw_field(y, x + 19 + names, names, STYLE_WRONG | selected, DRAW_LEFT,
               labels_short(app->state.labels, pair->predicted, name, sizeof name));
}

// The pictures of the selected pair, as many as fit.
static void draw_pictures(struct app *app, const struct rep_pair *pair, struct rect area)
{
    struct layout_grid grid;
    layout_grid(area, &grid);
    int place = 0;
    for (size_t i = 0; i < app->state.set.count && place < grid.rows * grid.columns;
         i++) {
        const struct row *row = &app->state.set.rows[i];
        if (!row_scored(row) || row->label != pair->truth ||
            row->top[0] != pair->predicted)
            continue;
        struct rect box = {area.y + place / grid.columns * grid.tile_h,
                           area.x + place % grid.columns * grid.tile_w, grid.tile_h - 2,
                           grid.tile_w - 2};
        preview_picture(app, i, box);
        (void)draw_textf(box.y + box.h, box.x, box.w, STYLE_DIM, "%.1f%%",
                         100 * (double)row->prob[0]);
        place++;
    }
}

static void pairs_draw(struct app *app, struct rect body)
{
    const struct analysis *analysis = &app->analysis;
    struct layout_panes panes;
    layout_list(body, &panes);
    struct rect area = panes.list;
    if (analysis->pair_count == 0) {
        (void)draw_text(area.y + 1, area.x + 2, area.w - 4, STYLE_DIM,
                        app->state.tally.labelled
                            ? "no confusions: every labelled picture is right"
                            : "no labelled predictions yet");
        return;
    }
    draw_field(area.y, area.x, area.w, STYLE_HEAD, DRAW_LEFT,
               "  count           true, and what it was taken for");
    cursor_fit(&app->pairs_cursor, analysis->pair_count, (size_t)(area.h - 1), 1);
    for (int i = 0; i < area.h - 1; i++) {
        size_t at = app->pairs_cursor.top + (size_t)i;
        if (at < analysis->pair_count)
            draw_pair(app, at, (struct rect){area.y + 1 + i, area.x, 1, area.w});
    }
    if (panes.picture.h == 0)
        return;
    struct rect right = panes.picture;
    if (panes.beside) {
        draw_vline(panes.divider.y, panes.divider.x, panes.divider.h, STYLE_FAINT,
                   GLYPH_VLINE);
        right.h = body.h;
    } else {
        draw_hline(panes.divider.y, panes.divider.x, panes.divider.w, STYLE_FAINT,
                   GLYPH_HLINE);
        right.w = body.w - 2;
    }
    draw_pictures(app, &analysis->pairs[app->pairs_cursor.pos], right);
}

const struct view_ops view_pairs = {
    .name = "pairs",
    .tab = "Pairs",
    .key = "P",
    .tables = true,
    .head = pairs_head,
    .draw = pairs_draw,
    .count = pairs_count,
    .cursor = pairs_cursor,
    .text = pairs_text,
    .open = pairs_open,
};

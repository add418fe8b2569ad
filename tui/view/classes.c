#include "tui/app.h"
#include "tui/widget/bars.h"
#include "tui/widget/draw.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

static void classes_head(struct app *app, struct str *left, struct str *right)
{
    const struct analysis *analysis = &app->analysis;
    str_addf(left, "Classes, %s", class_order_name(app->classes_order));
    str_addf(right, "%zu/%zu", analysis->class_count ? app->classes_cursor.pos + 1 : 0,
             analysis->class_count);
}

static size_t classes_count(const struct app *app)
{
    return app->analysis.class_count;
}

static struct cursor *classes_cursor(struct app *app)
{
    return &app->classes_cursor;
}

static void classes_text(const struct app *app, size_t i, struct str *out)
{
    int class = app->analysis.class_order[i];
    const char *wnid = labels_wnid(app->state.labels, class);
    str_addf(out, "%s %s", labels_words(app->state.labels, class), wnid ? wnid : "");
}

static void classes_open(struct app *app)
{
    int class = app->analysis.class_order[app->classes_cursor.pos];
    char name[80];
    char *filter = mem_printf("class=%d", class);
    app_drill(app, filter, labels_short(app->state.labels, class, name, sizeof name));
    free(filter);
}

static void draw_percent(int y, int x, int style, double share)
{
    if (isnan(share))
        (void)draw_text(y, x, 6, style, "     -");
    else
        (void)draw_textf(y, x, 6, style, "%5.1f%%", 100 * share);
}

struct class_columns {
    int name, bar, confused;
};

static struct class_columns solve(int w)
{
    struct class_columns columns;
    int room = w - 2 - 6 - 24; // margin, support, three figures
    columns.bar = room >= 70 ? 20 : 0;
    room -= columns.bar ? columns.bar + 2 : 0;
    columns.name = room / 2 > 34 ? 34 : room / 2;
    columns.confused = room - columns.name - 2;
    return columns;
}

static void draw_class(const struct app *app, size_t i,
                       const struct class_columns *columns, struct rect line)
{
    const struct rep_class *class = &app->analysis.classes[app->analysis.class_order[i]];
    bool here = i == app->classes_cursor.pos;
    int selected = draw_entry(line, here, here);
    char name[80];
    int y = line.y, x = line.x;
    draw_field(y, x + 2, columns->name, STYLE_TEXT | selected, DRAW_LEFT,
               labels_short(app->state.labels, class->index, name, sizeof name));
    x += 2 + columns->name;
    (void)draw_textf(y, x, 6, STYLE_DIM | selected, "%6zu", class->support);
    x += 6;
    draw_percent(y, x + 2, STYLE_TEXT | selected, class->precision);
    draw_percent(y, x + 10, STYLE_TEXT | selected, class->recall);
    draw_percent(y, x + 18, STYLE_TEXT | selected, class->f1);
    x += 24;
    if (columns->bar) {
        bar_share(y, x + 2, columns->bar, STYLE_FILL, class->f1);
        x += columns->bar + 2;
    }
    if (class->confused_with >= 0)
        (void)draw_textf(
            y, x + 2, columns->confused - 1, STYLE_WRONG | selected, "%zu %s %s",
            class->confused_count, theme_glyph(GLYPH_ARROW),
            labels_short(app->state.labels, class->confused_with, name, sizeof name));
}

static void classes_draw(struct app *app, struct rect body)
{
    const struct analysis *analysis = &app->analysis;
    if (app->state.tally.labelled == 0) {
        (void)draw_text(body.y + 1, body.x + 2, body.w - 4, STYLE_DIM,
                        "no labelled predictions yet");
        return;
    }
    struct class_columns columns = solve(body.w);
    draw_field(body.y, body.x, body.w, STYLE_HEAD, DRAW_LEFT, "  class");
    int x = body.x + 2 + columns.name;
    draw_field(body.y, x, 6, STYLE_HEAD, DRAW_RIGHT, "n");
    draw_field(body.y, x + 6, 8, STYLE_HEAD, DRAW_RIGHT, "precis.");
    draw_field(body.y, x + 14, 8, STYLE_HEAD, DRAW_RIGHT, "recall");
    draw_field(body.y, x + 22, 8, STYLE_HEAD, DRAW_RIGHT, "F1");
    x += 30 + (columns.bar ? columns.bar + 2 : 0);
    (void)draw_text(body.y, x + 2, columns.confused - 1, STYLE_HEAD, "most taken for");
    cursor_fit(&app->classes_cursor, analysis->class_count, (size_t)(body.h - 1), 1);
    for (int i = 0; i < body.h - 1; i++) {
        size_t at = app->classes_cursor.top + (size_t)i;
        if (at < analysis->class_count)
            draw_class(app, at, &columns,
                       (struct rect){body.y + 1 + i, body.x, 1, body.w});
    }
}

const struct view_ops view_classes = {
    .name = "classes",
    .tab = "Classes",
    .key = "C",
    .tables = true,
    .head = classes_head,
    .draw = classes_draw,
    .count = classes_count,
    .cursor = classes_cursor,
    .text = classes_text,
    .open = classes_open,
};

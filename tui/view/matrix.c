#include "tui/app.h"
#include "tui/widget/draw.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { CELL_W = 5 };

static void matrix_head(struct app *app, struct str *left, struct str *right)
{
    const struct analysis *analysis = &app->analysis;
    str_add(left, analysis->axis_count < analysis->class_count
                      ? "Confusion matrix of the most confused classes"
                      : "Confusion matrix");
    str_addf(right, "%zu of %zu classes", analysis->axis_count, analysis->class_count);
}

static size_t matrix_count(const struct app *app)
{
    return app->analysis.axis_count;
}

static struct cursor *matrix_cursor(struct app *app)
{
    return &app->matrix_rows;
}

static void matrix_text(const struct app *app, size_t i, struct str *out)
{
    str_add(out, labels_words(app->state.labels, app->analysis.axis[i]));
}

static bool matrix_sideways(struct app *app, int columns)
{
    cursor_move(&app->matrix_columns, app->analysis.axis_count,
                columns < 0 ? MOVE_LEFT : MOVE_RIGHT, app->count_typed);
    return true;
}

static void selected_cell(const struct app *app, int *truth, int *predicted)
{
    *truth = app->analysis.axis[app->matrix_rows.pos];
    *predicted = app->analysis.axis[app->matrix_columns.pos];
}

static void matrix_open(struct app *app)
{
    int truth, predicted;
    char a[40], b[40];
    selected_cell(app, &truth, &predicted);
    if (analysis_cell(&app->analysis, truth, predicted) == 0) {
        app_say(app, "no picture in this cell");
        return;
    }
    char *filter = mem_printf("class=%d and pred=%d", truth, predicted);
    char *caption =
        mem_printf("%s %s %s", labels_short(app->state.labels, truth, a, sizeof a),
                   theme_glyph(GLYPH_ARROW),
                   labels_short(app->state.labels, predicted, b, sizeof b));
    app_drill(app, filter, caption);
    free(filter);
    free(caption);
}

// Deeper colours for larger counts; the number itself says it without colour.
static int heat(size_t count, bool diagonal)
{
    if (count == 0)
        return STYLE_FAINT;
    if (diagonal)
        return count > 3 ? STYLE_HIT2 : STYLE_HIT1;
    return count > 5 ? STYLE_MISS3 : count > 1 ? STYLE_MISS2 : STYLE_MISS1;
}

static void draw_cell(const struct app *app, int y, int x, size_t row, size_t column)
{
    const struct analysis *analysis = &app->analysis;
    size_t count = analysis_cell(analysis, analysis->axis[row], analysis->axis[column]);
    bool here = row == app->matrix_rows.pos && column == app->matrix_columns.pos;
    bool cross = row == app->matrix_rows.pos || column == app->matrix_columns.pos;
    char text[24] = "";
    if (count > 0)
        (void)snprintf(text, sizeof text, "%zu ", count);
    else
        (void)snprintf(text, sizeof text, "%s ", theme_glyph(GLYPH_DOT));
    int style = heat(count, row == column);
    if (here) {
        char marked[32];
        (void)snprintf(marked, sizeof marked, "[%zu]", count);
        draw_field(y, x, CELL_W, STYLE_STRONG | STYLE_SELECTED, DRAW_RIGHT, marked);
        draw_caret(y, x);
    } else {
        draw_field(y, x, CELL_W, count == 0 && cross ? STYLE_DIM : style, DRAW_RIGHT,
                   text);
    }
}

// Names of the columns run downwards.
static void draw_column_names(const struct app *app, struct rect area, size_t columns)
{
    for (size_t i = 0; i < columns; i++) {
        size_t column = app->matrix_columns.top + i;
        char name[80];
        (void)labels_short(app->state.labels, app->analysis.axis[column], name,
                           sizeof name);
        int style = column == app->matrix_columns.pos ? STYLE_STRONG : STYLE_HEAD;
        int letters = draw_width(name) < area.h ? draw_width(name) : area.h;
        const char *at = name;
        int y = area.y + area.h - letters;
        unsigned code;
        for (int n; y < area.y + area.h && (n = draw_decode(at, &code)) > 0;
             at += n, y++) {
            char one[8] = "";
            memcpy(one, at, (size_t)n < sizeof one ? (size_t)n : sizeof one - 1);
            (void)draw_text(y, area.x + (int)i * CELL_W + 3, 1, style, one);
        }
    }
}

static void draw_caption(const struct app *app, struct rect line)
{
    int truth, predicted;
    selected_cell(app, &truth, &predicted);
    size_t count = analysis_cell(&app->analysis, truth, predicted);
    const struct rep_class *class = &app->analysis.classes[truth];
    (void)draw_textf(
        line.y, line.x + 1, line.w - 2, STYLE_STRONG, "%zu of %zu:  %s  %s  %s", count,
        class->support, labels_words(app->state.labels, truth), theme_glyph(GLYPH_ARROW),
        truth == predicted ? "right" : labels_words(app->state.labels, predicted));
}

static void matrix_draw(struct app *app, struct rect body)
{
    const struct analysis *analysis = &app->analysis;
    if (analysis->axis_count == 0) {
        (void)draw_text(body.y + 1, body.x + 2, body.w - 4, STYLE_DIM,
                        "no labelled predictions yet");
        return;
    }
    int names = body.w >= 120 ? 26 : body.w >= 70 ? 18 : 12;
    int head = body.h >= 40 ? 14 : body.h >= 18 ? 8 : 3;
    int rows = body.h - head - 2;
    int columns = (body.w - names - 3) / CELL_W;
    rows = rows < 1 ? 1 : rows;
    cursor_fit(&app->matrix_rows, analysis->axis_count, (size_t)rows, 1);
    cursor_fit(&app->matrix_columns, analysis->axis_count, (size_t)columns, 1);
    size_t shown = analysis->axis_count - app->matrix_columns.top;
    shown = shown < (size_t)columns ? shown : (size_t)columns;
    int left = body.x + names + 3;
    draw_column_names(app, (struct rect){body.y, left, head, body.w - left}, shown);
    (void)draw_text(body.y + head - 1, body.x + 2, names, STYLE_DIM, "true \\ predicted");
    for (int i = 0; i < rows; i++) {
        size_t row = app->matrix_rows.top + (size_t)i;
        if (row >= analysis->axis_count)
            break;
        char name[80];
        int y = body.y + head + i;
        bool here = row == app->matrix_rows.pos;
        if (here)
            draw_glyph(y, body.x, STYLE_LINK, GLYPH_HERE);
        draw_field(
            y, body.x + 2, names, here ? STYLE_STRONG : STYLE_TEXT, DRAW_LEFT,
            labels_short(app->state.labels, analysis->axis[row], name, sizeof name));
        for (size_t c = 0; c < shown; c++)
            draw_cell(app, y, left + (int)c * CELL_W, row, app->matrix_columns.top + c);
    }
    draw_caption(app, (struct rect){body.y + body.h - 1, body.x, 1, body.w});
}

const struct view_ops view_matrix = {
    .name = "matrix",
    .tab = "Matrix",
    .key = "M",
    .tables = true,
    .head = matrix_head,
    .draw = matrix_draw,
    .count = matrix_count,
    .cursor = matrix_cursor,
    .text = matrix_text,
    .open = matrix_open,
    .sideways = matrix_sideways,
};

#include "tui/view/items.h"

#include "tui/app.h"

#include "base/str.h"

void items_head(struct app *app, struct str *left, struct str *right)
{
    const struct state *state = &app->state;
    const struct frame *frame = &app->frames[app->depth];
    static const char *const orders[] = {
        [REP_SORT_FILE] = "By file name",
        [REP_SORT_CONFIDENCE] = "Most confident first",
        [REP_SORT_LABEL] = "By true class",
        [REP_SORT_PREDICTED] = "By predicted class",
        [REP_SORT_MARGIN] = "Closest calls first",
        [ORDER_ERRORS] = "Confident errors first",
    };
    if (frame->caption[0])
        str_addf(left, "%s", frame->caption);
    else if (state->order == ORDER_ERRORS && state->tally.done == 0)
        str_add(left, "In file order");
    else
        str_addf(left, "%s%s", orders[state->order], state->reverse ? ", reversed" : "");
    if (state->wrong_only)
        str_addf(left, " %s misclassified only", theme_glyph(GLYPH_DOT));
    if (state->filter_text[0])
        str_addf(left, " %s filter: %s", theme_glyph(GLYPH_DOT), state->filter_text);
    if (state->count)
        str_addf(right, "%zu/%zu", state->cursor.pos + 1, state->count);
    else
        str_add(right, "0/0");
    if (state->marks.count)
        str_addf(right, "  %s%zu", theme_glyph(GLYPH_MARK), state->marks.count);
}

size_t items_count(const struct app *app)
{
    return app->state.count;
}

struct cursor *items_cursor(struct app *app)
{
    return &app->state.cursor;
}

void items_text(const struct app *app, size_t i, struct str *out)
{
    const struct row *row = state_row(&app->state, i);
    str_add(out, row->file);
    if (row->label >= 0)
        str_addf(out, " %s", labels_words(app->state.labels, row->label));
    if (row_done(row))
        str_addf(out, " %s", labels_words(app->state.labels, row->top[0]));
}

enum glyph items_verdict(const struct row *row, int *style)
{
    *style = STYLE_DIM;
    if (row->error) {
        *style = STYLE_ALERT;
        return GLYPH_ERROR;
    }
    if (!row_scored(row))
        return row_done(row) ? GLYPH_UNLABELLED : GLYPH_NOT_RUN;
    *style = row_correct(row) ? STYLE_RIGHT : STYLE_WRONG;
    return row_correct(row) ? GLYPH_RIGHT : GLYPH_WRONG;
}

bool items_in_range(const struct app *app, size_t i)
{
    size_t at = app->state.cursor.pos;
    size_t from = app->range_from;
    return from != SIZE_MAX && ((i >= from && i <= at) || (i >= at && i <= from));
}

void items_want_neighbours(struct app *app, struct rect box)
{
    static const int steps[] = {1, -1, 2, 3};
    const struct state *state = &app->state;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        size_t at = state->cursor.pos + (size_t)(ptrdiff_t)steps[i];
        if (at < state->count)
            app_want_ahead(app, (struct pic_want){state->view[at], box.w, box.h});
    }
}

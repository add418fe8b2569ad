#include "tui/app.h"
#include "tui/widget/bars.h"
#include "tui/widget/draw.h"

#include "base/str.h"

#include <string.h>

static void draw_centred(struct rect box, int y, int style, const char *text)
{
    int width = draw_width(text);
    width = width < box.w ? width : box.w;
    (void)draw_text(y, box.x + (box.w - width) / 2, width, style, text);
}

// Messages about a file start with its path, which stands on the screen already.
static const char *without_path(const char *message)
{
    const char *colon = message[0] == '/' ? strstr(message, ": ") : NULL;
    return colon ? colon + 2 : message;
}

void preview_picture(struct app *app, size_t item, struct rect box)
{
    if (box.w <= 0 || box.h <= 0)
        return;
    struct pic_want want = {item, box.w, box.h};
    app_late(app, box);
    const struct pic_done *done = app_picture(app, want);
    int middle = box.y + box.h / 2;
    if (!done) {
        draw_centred(box, middle, STYLE_FAINT, theme_glyph(GLYPH_ELLIPSIS));
        return;
    }
    if (done->error) {
        draw_centred(box, middle > box.y ? middle - 1 : middle, STYLE_ALERT,
                     "cannot be shown");
        if (middle + 1 < box.y + box.h)
            draw_centred(box, middle, STYLE_DIM, without_path(done->error));
        return;
    }
    const struct pic *pic = &done->pic;
    int y = box.y + (box.h - pic->h) / 2;
    int x = box.x + (box.w - pic->w) / 2;
    for (int i = 0; i < pic->h; i++)
        draw_cells(y + i, x, pic->cells + (size_t)i * (size_t)pic->w, pic->w);
}

// ---- details ----

// Lines from top to bottom while there is room.
struct lines {
    struct rect area;
    int next;
};

static bool line_left(const struct lines *lines)
{
    return lines->next < lines->area.h;
}

static void draw_guess(const struct app *app, const struct row *row, int k,
                       struct lines *lines)
{
    struct rect area = lines->area;
    int y = area.y + lines->next++;
    char name[80];
    bool hit = row->top[k] == row->label;
    bool wrong = k == 0 && row_scored(row) && !hit;
    int width = area.w * 2 / 5 < 28 ? area.w * 2 / 5 : 28;
    int style = hit ? STYLE_RIGHT : wrong ? STYLE_WRONG : STYLE_TEXT;
    if (hit || wrong)
        draw_glyph(y, area.x, style, hit ? GLYPH_RIGHT : GLYPH_WRONG);
    draw_field(y, area.x + 2, width, style, DRAW_LEFT,
               labels_short(app->state.labels, row->top[k], name, sizeof name));
    int bar = area.w - width - 2 - 8;
    if (bar > 0)
        bar_share(y, area.x + width + 3, bar,
                  hit     ? STYLE_FILL_RIGHT
                  : wrong ? STYLE_FILL_WRONG
                          : STYLE_FILL,
                  (double)row->prob[k]);
    (void)draw_textf(y, area.x + area.w - 6, 6, STYLE_TEXT, "%5.1f%%",
                     100 * (double)row->prob[k]);
}

static void draw_truth(const struct app *app, const struct row *row, struct lines *lines)
{
    struct rect area = lines->area;
    int y = area.y + lines->next++;
    if (row->label < 0) {
        (void)draw_text(y, area.x + 2, area.w - 2, STYLE_DIM, "no label");
        return;
    }
    const char *wnid = labels_wnid(app->state.labels, row->label);
    int used = draw_text(y, area.x + 2, area.w - 2, STYLE_STRONG,
                         labels_words(app->state.labels, row->label));
    int rest = area.w - used - 4;
    if (wnid && rest >= 9)
        (void)draw_text(y, area.x + used + 4, rest, STYLE_DIM, wnid);
}

static void size_text(long long bytes, struct str *out)
{
    if (bytes < 0)
        return;
    if (bytes < 10000)
        str_addf(out, "  %lld B", bytes);
    else if (bytes < 10000000)
        str_addf(out, "  %lld KB", (bytes + 500) / 1000);
    else
        str_addf(out, "  %.1f MB", (double)bytes / 1e6);
}

static void draw_file(struct app *app, size_t item, const struct row *row,
                      struct lines *lines)
{
    struct rect area = lines->area;
    const struct pic_done *facts = app_picture(app, (struct pic_want){item, 0, 0});
    struct str text = {0};
    if (facts) {
        if (facts->check.width > 0)
            str_addf(&text, "  %dx%d", facts->check.width, facts->check.height);
        size_text(facts->bytes, &text);
    }
    int tail = draw_width(str_get(&text));
    int name = draw_width(row->file);
    int room = area.w - 2 - tail;
    name = name < room ? name : room;
    int y = area.y + lines->next++;
    draw_field(y, area.x + 2, name, STYLE_DIM, DRAW_TAIL, row->file);
    (void)draw_text(y, area.x + 2 + name, tail, STYLE_DIM, str_get(&text));
    str_release(&text);
    if (facts && facts->check.verdict != DS_OK && line_left(lines)) {
        y = area.y + lines->next++;
        draw_glyph(y, area.x, STYLE_ALERT, GLYPH_ERROR);
        (void)draw_textf(y, area.x + 2, area.w - 2, STYLE_ALERT, "%s: %s",
                         facts->check.verdict == DS_ODD ? "odd" : "damaged",
                         without_path(facts->check.reason));
    }
}

static void draw_remark(const struct row *row, struct lines *lines)
{
    static const char *const places[] = {"", "second", "third", "fourth", "fifth"};
    struct rect area = lines->area;
    int y = area.y + lines->next++;
    int rank = row_rank(row);
    if (rank > 0)
        (void)draw_textf(y, area.x + 2, area.w - 2, STYLE_DIM,
                         "the true class is the %s guess", places[rank]);
    else if (rank < 0)
        (void)draw_text(y, area.x + 2, area.w - 2, STYLE_DIM,
                        "the true class is not among these");
}

void preview_draw(struct app *app, size_t item, struct rect picture, struct rect details)
{
    const struct row *row = &app->state.set.rows[item];
    struct lines lines = {details, 0};
    preview_picture(app, item, picture);
    // A tall column has air between its parts.
    bool airy = details.h >= 14;
    lines.next += airy;
    if (!line_left(&lines) || details.w < 20)
        return;
    draw_truth(app, row, &lines);
    lines.next += airy;
    for (int k = 0; k < row->count && line_left(&lines); k++)
        draw_guess(app, row, k, &lines);
    if (!row_done(row) && line_left(&lines))
        (void)draw_text(details.y + lines.next++, details.x + 2, details.w - 2,
                        row->error ? STYLE_ALERT : STYLE_DIM,
                        row->error         ? row->error
                        : app->opts->model ? "not run yet: r runs the model on it"
                                           : "no prediction");
    lines.next += airy;
    if (line_left(&lines))
        draw_file(app, item, row, &lines);
    lines.next += airy;
    if (row_scored(row) && !row_correct(row) && line_left(&lines))
        draw_remark(row, &lines);
}

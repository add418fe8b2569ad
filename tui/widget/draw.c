#include "tui/widget/draw.h"

#include "base/str.h"

#include <curses.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

enum { LINE_MAX_COLUMNS = 1024 };

int draw_decode(const char *text, unsigned *code)
{
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] == 0)
        return 0;
    int more = s[0] < 0x80 ? 0 : s[0] >= 0xf0 ? 3 : s[0] >= 0xe0 ? 2 : 1;
    static const unsigned least[] = {0, 0x80, 0x800, 0x10000};
    static const unsigned char mask[] = {0x7f, 0x1f, 0x0f, 0x07};
    unsigned value = s[0] & mask[more];
    *code = '?';
    if ((s[0] >= 0x80 && s[0] < 0xc2) || s[0] > 0xf4)
        return 1;
    for (int i = 1; i <= more; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return i;
        value = value << 6 | (s[i] & 0x3fu);
    }
    if (value >= least[more] && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff))
        *code = value;
    return more + 1;
}

// The code point as it may be shown, and its columns (0 for combining marks).
static unsigned showable(unsigned code, int *columns)
{
    *columns = 1;
    if (code < 0x20 || code == 0x7f || (code >= 0x80 && code < 0xa0))
        return '?';
    if (code < 0x80)
        return code;
    if (!theme_utf8())
        return '?';
    *columns = wcwidth((wchar_t)code);
    if (*columns < 0) {
        *columns = 1;
        return '?';
    }
    return code;
}

int draw_width(const char *text)
{
    int width = 0;
    unsigned code;
    for (int n; (n = draw_decode(text, &code)) > 0; text += n) {
        int columns;
        (void)showable(code, &columns);
        width += columns;
    }
    return width;
}

// A line under construction: curses cells of one style.
struct line {
    cchar_t cells[LINE_MAX_COLUMNS];
    int count, columns;
    unsigned attributes;
    int pair;
};

static void line_put(struct line *line, unsigned code, int columns)
{
    wchar_t text[2] = {(wchar_t)code, L'\0'};
    if (columns == 0 || line->count >= LINE_MAX_COLUMNS)
        return; // combining marks are left out
    (void)setcchar(&line->cells[line->count++], text, line->attributes, (short)line->pair,
                   &line->pair);
    line->columns += columns;
}

static void line_text(struct line *line, const char *text, int width)
{
    unsigned code;
    for (int n; (n = draw_decode(text, &code)) > 0; text += n) {
        int columns;
        code = showable(code, &columns);
        if (line->columns + columns > width)
            return;
        line_put(line, code, columns);
    }
}

static void line_pad(struct line *line, int width)
{
    while (line->columns < width && line->count < LINE_MAX_COLUMNS)
        line_put(line, ' ', 1);
}

// Whether anything at (y, x) can be seen; shortens width to the screen.
static bool clip(int y, int x, int *width)
{
    if (y < 0 || y >= LINES || x < 0 || x >= COLS)
        return false;
    if (*width > COLS - x)
        *width = COLS - x;
    if (*width > LINE_MAX_COLUMNS)
        *width = LINE_MAX_COLUMNS;
    return *width > 0;
}

static void line_show(const struct line *line, int y, int x)
{
    (void)mvadd_wchnstr(y, x, line->cells, line->count);
}

// Where a text that is too wide must start so that its end fits.
static const char *tail_of(const char *text, int width)
{
    int over = draw_width(text) - width;
    unsigned code;
    for (int n; over > 0 && (n = draw_decode(text, &code)) > 0; text += n) {
        int columns;
        (void)showable(code, &columns);
        over -= columns;
    }
    return text;
}

static int compose(struct line *line, int width, enum draw_align align, const char *text)
{
    int wide = draw_width(text);
    if (align == DRAW_RIGHT && wide < width)
        line_pad(line, width - wide);
    if (wide <= width) {
        line_text(line, text, width);
    } else if (align == DRAW_TAIL) {
        line_text(line, theme_glyph(GLYPH_ELLIPSIS), 1);
        line_text(line, tail_of(text, width - 1), width);
    } else {
        line_text(line, text, width - 1);
        line_text(line, theme_glyph(GLYPH_ELLIPSIS), width);
    }
    return line->columns;
}

int draw_text(int y, int x, int width, int style, const char *text)
{
    if (!clip(y, x, &width))
        return 0;
    struct line line;
    line.count = line.columns = 0;
    theme_ink(style, &line.attributes, &line.pair);
    int used = compose(&line, width, DRAW_LEFT, text);
    line_show(&line, y, x);
    return used;
}

int draw_textf(int y, int x, int width, int style, const char *fmt, ...)
{
    struct str text = {0};
    va_list args;
    va_start(args, fmt);
    str_addv(&text, fmt, args);
    va_end(args);
    int used = draw_text(y, x, width, style, str_get(&text));
    str_release(&text);
    return used;
}

void draw_field(int y, int x, int width, int style, enum draw_align align,
                const char *text)
{
    if (!clip(y, x, &width))
        return;
    struct line line;
    line.count = line.columns = 0;
    theme_ink(style, &line.attributes, &line.pair);
    (void)compose(&line, width, align, text);
    line_pad(&line, width);
    line_show(&line, y, x);
}

void draw_glyph(int y, int x, int style, enum glyph glyph)
{
    (void)draw_text(y, x, 1, style, theme_glyph(glyph));
}

static int caret_y, caret_x; // one screen, one cursor

void draw_caret(int y, int x)
{
    caret_y = y;
    caret_x = x;
}

void draw_caret_move(void)
{
    (void)move(caret_y, caret_x);
}

int draw_entry(struct rect line, bool here, bool selected)
{
    int style = selected ? STYLE_SELECTED : 0;
    draw_field(line.y, line.x, line.w, STYLE_TEXT | style, DRAW_LEFT, "");
    if (here) {
        draw_glyph(line.y, line.x, STYLE_LINK | style, GLYPH_HERE);
        draw_caret(line.y, line.x);
    }
    return style;
}

void draw_hline(int y, int x, int width, int style, enum glyph glyph)
{
    if (!clip(y, x, &width))
        return;
    struct line line;
    line.count = line.columns = 0;
    theme_ink(style, &line.attributes, &line.pair);
    while (line.columns < width)
        line_text(&line, theme_glyph(glyph), width);
    line_show(&line, y, x);
}

void draw_vline(int y, int x, int height, int style, enum glyph glyph)
{
    for (int i = 0; i < height; i++)
        draw_glyph(y + i, x, style, glyph);
}

void draw_fill(struct rect area, int style)
{
    for (int i = 0; i < area.h; i++)
        draw_field(area.y + i, area.x, area.w, style, DRAW_LEFT, "");
}

void draw_clear(void)
{
    cchar_t blank;
    unsigned attributes;
    int pair;
    theme_ink(STYLE_TEXT, &attributes, &pair);
    (void)setcchar(&blank, L" ", A_NORMAL, (short)pair, &pair);
    bkgrndset(&blank);
    (void)erase();
}

void draw_box(struct rect area, int style, const char *title)
{
    if (area.h < 2 || area.w < 2)
        return;
    int right = area.x + area.w - 1;
    int bottom = area.y + area.h - 1;
    draw_fill(area, style);
    draw_hline(area.y, area.x + 1, area.w - 2, style, GLYPH_HLINE);
    draw_hline(bottom, area.x + 1, area.w - 2, style, GLYPH_HLINE);
    draw_vline(area.y + 1, area.x, area.h - 2, style, GLYPH_VLINE);
    draw_vline(area.y + 1, right, area.h - 2, style, GLYPH_VLINE);
    draw_glyph(area.y, area.x, style, GLYPH_CORNER_NW);
    draw_glyph(area.y, right, style, GLYPH_CORNER_NE);
    draw_glyph(bottom, area.x, style, GLYPH_CORNER_SW);
    draw_glyph(bottom, right, style, GLYPH_CORNER_SE);
    if (title)
        (void)draw_textf(area.y, area.x + 2, area.w - 4, style, " %s ", title);
}

void draw_cells(int y, int x, const struct draw_cell *cells, int count)
{
    if (!clip(y, x, &count))
        return;
    struct line line;
    line.count = line.columns = 0;
    line.attributes = A_NORMAL;
    for (int i = 0; i < count; i++) {
        line.pair = theme_pair(cells[i].ink, cells[i].ground);
        line_put(&line, cells[i].ch, 1);
    }
    line_show(&line, y, x);
}

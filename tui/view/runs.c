#include "tui/app.h"
#include "tui/command.h"
#include "tui/widget/draw.h"

#include "base/str.h"

#include <string.h>
#include <time.h>

static void runs_head(struct app *app, struct str *left, struct str *right)
{
    str_add(left, "Runs in the database");
    if (app->opts->db)
        str_addf(left, " %s %s", theme_glyph(GLYPH_DOT), app->opts->db);
    str_addf(right, "%zu/%zu", app->store.count ? app->runs_cursor.pos + 1 : 0,
             app->store.count);
}

static size_t runs_count(const struct app *app)
{
    return app->store.count;
}

static struct cursor *runs_cursor(struct app *app)
{
    return &app->runs_cursor;
}

static void runs_text(const struct app *app, size_t i, struct str *out)
{
    const struct cache_run *run = &app->store.runs[i];
    str_addf(out, "%s %s %s %s", run->name, run->dataset, run->arch, run->precision);
}

static void runs_open(struct app *app)
{
    char id[24];
    (void)snprintf(id, sizeof id, "%lld",
                   (long long)app->store.runs[app->runs_cursor.pos].id);
    command_show_run(app, id, 0);
}

static void draw_run(const struct app *app, size_t i, struct rect line, int name)
{
    const struct cache_run *run = &app->store.runs[i];
    bool here = i == app->runs_cursor.pos;
    bool other = strcmp(run->dataset, ds_root(app->opts->ds)) != 0;
    int selected = draw_entry(line, here, here);
    int style = (other ? STYLE_DIM : STYLE_TEXT) | selected;
    int y = line.y, x = line.x;
    if (run->id == app->store.shown)
        draw_glyph(y, x + 1, STYLE_RIGHT | selected, GLYPH_POINT);
    (void)draw_textf(y, x + 3, 4, style, "%3lld", (long long)run->id);
    draw_field(y, x + 8, name, style, DRAW_LEFT, run->name);
    x += 9 + name;
    (void)draw_textf(y, x, 16, style, "%7lld/%lld", (long long)run->done,
                     (long long)run->total);
    x += 16;
    if (run->labelled > 0)
        (void)draw_textf(y, x, 15, style, "%5.1f%% %5.1f%%",
                         rep_percent((size_t)run->top1, (size_t)run->labelled),
                         rep_percent((size_t)run->top5, (size_t)run->labelled));
    x += 15;
    (void)draw_textf(
        y, x, line.x + line.w - x, style, "%s%s %s", run->stale ? "stale, " : "",
        run->state == RUN_COMPLETE ? "complete" : "partial", other ? run->dataset : "");
}

static void runs_draw(struct app *app, struct rect body)
{
    int name = body.w - 9 - 16 - 15 - 20;
    name = name < 10 ? 10 : name > 60 ? 60 : name;
    if (app->store.count == 0) {
        (void)draw_text(body.y + 1, body.x + 2, body.w - 4, STYLE_DIM,
                        "no runs yet: R evaluates everything and keeps the run");
        return;
    }
    draw_field(body.y, body.x, body.w, STYLE_HEAD, DRAW_LEFT, "    id  name");
    (void)draw_text(body.y, body.x + 9 + name, 40, STYLE_HEAD,
                    "   done/all        top-1  top-5");
    cursor_fit(&app->runs_cursor, app->store.count, (size_t)(body.h - 1), 1);
    for (int i = 0; i < body.h - 1; i++) {
        size_t at = app->runs_cursor.top + (size_t)i;
        if (at < app->store.count)
            draw_run(app, at, (struct rect){body.y + 1 + i, body.x, 1, body.w}, name);
    }
}

const struct view_ops view_runs = {
    .name = "runs",
    .tab = "Runs",
    .key = "D",
    .head = runs_head,
    .draw = runs_draw,
    .count = runs_count,
    .cursor = runs_cursor,
    .text = runs_text,
    .open = runs_open,
};

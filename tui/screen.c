#include "tui/screen.h"

#include "tui/widget/bars.h"
#include "tui/widget/draw.h"

#include "base/str.h"

#include <curses.h>
#include <math.h>

// A picture is asked for at once when the selection moves now and then, and only after
// this pause when a key is held down.
static const double DEBOUNCE = 0.03, FAST = 0.1;

// Of the late parts so much is sent at a time: some 4 KB, as many as a pseudo terminal
// hands over at once.
enum { BAND_CELLS = 250 };

// ---- title ----

static void draw_title(struct app *app, struct rect line)
{
    enum view_id id = app_view_id(app);
    bool keys = line.w >= 108;
    bool all = line.w >= LAYOUT_STACKED_W;
    struct str name = {0};
    draw_fill(line, STYLE_TITLE);
    int x = line.x + line.w - 1;
    for (int i = VIEW_COUNT - 1; i >= 0; i--) {
        const struct view_ops *view = app_view_ops((enum view_id)i);
        bool on = (enum view_id)i == id;
        if (!on && (!all || i >= VIEW_TABS))
            continue;
        str_clear(&name);
        if (keys && i < VIEW_TABS)
            str_addf(&name, " %s %s ", view->key, view->tab);
        else
            str_addf(&name, " %s ", view->tab);
        x -= draw_width(str_get(&name));
        (void)draw_text(line.y, x, line.w, on ? STYLE_TAB_ON : STYLE_TAB, str_get(&name));
    }
    str_clear(&name);
    str_addf(&name, " xlens  %s", str_basename(ds_root(app->opts->ds)));
    int used = draw_text(line.y, line.x, x - line.x - 1, STYLE_TITLE, str_get(&name));
    if (x - used > 24)
        (void)draw_textf(line.y, line.x + used + 2, x - used - 3, STYLE_TAB,
                         "%zu pictures", ds_count(app->opts->ds));
    str_release(&name);
}

static void draw_head(struct app *app, struct rect line)
{
    struct str left = {0}, right = {0};
    app_view(app)->head(app, &left, &right);
    int tail = draw_width(str_get(&right));
    draw_fill(line, STYLE_TEXT);
    (void)draw_text(line.y, line.x + 1, line.w - tail - 4, STYLE_STRONG, str_get(&left));
    (void)draw_text(line.y, line.x + line.w - tail - 1, tail, STYLE_DIM, str_get(&right));
    str_release(&left);
    str_release(&right);
}

// ---- what goes on ----

static void add_rate(const char *name, size_t hits, size_t n, struct str *out)
{
    struct rep_interval interval = rep_wilson(hits, n);
    str_addf(out, "  %s %.1f%%%s%.1f", name, rep_percent(hits, n),
             theme_glyph(GLYPH_PLUS_MINUS), (interval.high - interval.low) / 2);
}

static void add_job(const struct app *app, bool wide, struct str *out)
{
    const struct pipe_progress *progress = &app->job.progress;
    str_addf(out, "%zu/%zu", progress->done, progress->total);
    if (app->term.test || progress->paused || !wide)
        return;
    str_addf(out, "  %.1f/s", progress->images_per_second);
    long eta = isfinite(progress->eta_seconds) ? (long)(progress->eta_seconds + 0.5) : -1;
    if (eta >= 3600)
        str_addf(out, "  %ld:%02ld:%02ld left", eta / 3600, eta / 60 % 60, eta % 60);
    else if (eta >= 0)
        str_addf(out, "  %ld:%02ld left", eta / 60, eta % 60);
}

static void add_model(const struct app *app, struct str *out)
{
    const struct cache_run *run = run_store_shown(&app->store);
    if (!app->store.ours && run)
        str_addf(out, "%s %s (run %lld)", run->arch, run->precision, (long long)run->id);
    else if (app->model.opening) {
        str_addf(out, "opening %s", str_basename(app->model.opts->model));
    } else if (model_setup(&app->model)) {
        const struct eng_info *info = eng_model_info(model_setup(&app->model)->model);
        str_addf(out, "%s %s", info->arch, eng_precision_name(info->precision));
    } else if (run)
        str_addf(out, "%s %s", run->arch, run->precision);
    else
        str_add(out, "no model");
}

static void draw_info(struct app *app, struct rect line)
{
    const struct rep_tally *tally = &app->state.tally;
    struct str text = {0}, model = {0};
    bool wide = line.w >= LAYOUT_BESIDE_W;
    int x = line.x + 1;
    draw_fill(line, STYLE_BAR_LINE);
    if (job_running(&app->job)) {
        const struct pipe_progress *progress = &app->job.progress;
        double share =
            progress->total ? (double)progress->done / (double)progress->total : 0;
        draw_glyph(line.y, x, STYLE_BAR_STRONG,
                   progress->paused ? GLYPH_PAUSED : GLYPH_RUNNING);
        bar_share(line.y, x + 2, wide ? 20 : 8, STYLE_FILL, share);
        x += wide ? 23 : 11;
        add_job(app, wide, &text);
    } else if (app->export_task.running) {
        str_addf(&text, "npz %zu/%zu", atomic_load(&app->export_task.done),
                 app->export_task.count);
    } else if (tally->done + tally->failed > 0) {
        str_addf(&text, "%zu run", tally->done);
    } else {
        str_add(&text, "no predictions yet");
    }
    if (tally->labelled > 0) {
        add_rate("top-1", tally->top1, tally->labelled, &text);
        add_rate("top-5", tally->top5, tally->labelled, &text);
    }
    if (tally->failed > 0)
        str_addf(&text, "  %zu failed", tally->failed);
    add_model(app, &model);
    int used =
        draw_text(line.y, x, line.x + line.w - x - 1, STYLE_BAR_STRONG, str_get(&text));
    int tail = draw_width(str_get(&model));
    if (x + used + 2 + tail < line.x + line.w)
        (void)draw_text(line.y, line.x + line.w - tail - 1, tail, STYLE_BAR_LINE,
                        str_get(&model));
    str_release(&text);
    str_release(&model);
}

static const char *hints(const struct app *app)
{
    switch (app_view_id(app)) {
    case VIEW_RUN:
        return "p pause  x stop  R evaluate everything  q back  ? help";
    case VIEW_MATRIX:
    case VIEW_PAIRS:
    case VIEW_CLASSES:
        return "Enter shows the pictures  s sort  / search  q back  ? help";
    case VIEW_RUNS:
        return "Enter shows the run  q back  ? help";
    case VIEW_HELP:
        return "/ search  q back";
    case VIEW_LIST:
    case VIEW_GRID:
    case VIEW_PICTURE:
    case VIEW_COUNT:
        break;
    }
    if (!app->opts->model)
        return "? help  / search  f filter  s sort  t thumbnails  Enter picture  x "
               "export";
    return "? help  / search  f filter  e errors  s sort  r run  R run all  x export";
}

// Returns the column of the cursor, -1 when it is hidden.
static int draw_line(struct app *app, struct rect line)
{
    if (app->prompt.open)
        return prompt_draw(&app->prompt, line);
    draw_fill(line, STYLE_TEXT);
    if (app->count_typed > 0)
        (void)draw_textf(line.y, line.x + line.w - 8, 7, STYLE_STRONG, "%zu",
                         app->count_typed);
    if (app->message[0])
        (void)draw_text(line.y, line.x + 1, line.w - 10,
                        app->message_bad ? STYLE_ALERT : STYLE_TEXT, app->message);
    else
        (void)draw_text(line.y, line.x + 1, line.w - 2, STYLE_DIM, hints(app));
    return -1;
}

// ---- the frame ----

static void draw_too_small(const struct app *app)
{
    struct str text = {0};
    str_addf(&text, "needs %dx%d, now %dx%d", LAYOUT_MIN_W, LAYOUT_MIN_H, app->screen_w,
             app->screen_h);
    int width = draw_width(str_get(&text));
    int x = width < app->screen_w ? (app->screen_w - width) / 2 : 0;
    (void)draw_text(app->screen_h / 2, x, app->screen_w, STYLE_TEXT, str_get(&text));
    str_release(&text);
}

// Tests count the keys that have been handled and wait for "=". In the last corner, which
// curses writes last.
static void draw_settled(struct app *app, double now)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%04lu%c", app->keys % 10000,
                   screen_settled(app, now) ? '=' : '~');
    int x = app->screen_w > 5 ? app->screen_w - 5 : 0;
    (void)draw_text(app->screen_h - 1, x, 5, STYLE_FAINT, text);
    app_late(app, (struct rect){app->screen_h - 1, x, 1, 5});
}

static void note_selection(struct app *app, double now)
{
    size_t item = SIZE_MAX;
    (void)state_selected(&app->state, &item);
    if (item == app->selected_item)
        return;
    app->selected_item = item;
    app->selected_gap = now - app->selected_at;
    app->selected_at = now;
}

double screen_debounce(const struct app *app, double now)
{
    double wait = app->selected_at + DEBOUNCE - now;
    return app->selected_gap < FAST && wait > 0 ? wait : 0;
}

bool screen_settled(struct app *app, double now)
{
    return (!job_running(&app->job) || app->job.progress.paused) &&
           !job_running(&app->aside) && !app->model.opening &&
           !app->export_task.running && !app->state.stale &&
           screen_debounce(app, now) <= 0 && !app->incomplete &&
           !(app_view(app)->tables && analysis_stale(&app->analysis, &app->state));
}

static void hand_over_wants(struct app *app, double now)
{
    if (screen_debounce(app, now) > 0)
        return;
    loader_want(app->loader, app->wants, app->want_count);
}

// Brings one row into what curses takes for the next screen, its late parts or the
// others. Returns the columns.
static int copy_row(const struct app *app, int y, bool late_ones)
{
    int x = 0, columns = 0;
    for (size_t i = 0; i <= app->late_count; i++) {
        struct rect late =
            i < app->late_count ? app->late[i] : (struct rect){y, app->screen_w, 1, 0};
        if (y < late.y || y >= late.y + late.h || late.x < x)
            continue;
        int from = late_ones ? late.x : x;
        int to = late_ones ? late.x + late.w : late.x;
        if (to > from)
            (void)copywin(stdscr, newscr, y, from, y, from, y, to - 1, FALSE);
        columns += to - from;
        x = late.x + late.w;
    }
    return columns;
}

// Sends all but the late parts.
static void send_first(struct app *app)
{
    for (int y = 0; y < app->screen_h; y++)
        (void)copy_row(app, y, false);
    (void)wmove(newscr, getcury(stdscr), getcurx(stdscr));
    (void)doupdate();
    app->late_row = 0;
}

bool screen_late(const struct app *app)
{
    return app->late_row < app->screen_h;
}

void screen_send_late(struct app *app)
{
    int cells = 0;
    for (; screen_late(app) && cells < BAND_CELLS; app->late_row++) {
        int columns = copy_row(app, app->late_row, true);
        if (is_linetouched(newscr, app->late_row)) // else it was there already
            cells += columns;
    }
    (void)wmove(newscr, getcury(stdscr), getcurx(stdscr));
    (void)doupdate();
}

void screen_draw(struct app *app, double now)
{
    struct layout layout;
    getmaxyx(stdscr, app->screen_h, app->screen_w);
    bool whole = app->redraw;
    if (whole)
        (void)clearok(curscr, TRUE);
    app->redraw = false;
    app->want_count = app->want_visible = app->late_count = 0;
    app->incomplete = false;
    layout_solve(app->screen_w, app->screen_h, &layout);
    draw_clear();
    note_selection(app, now);
    int cursor = -1;
    draw_caret(app->screen_h - 1, 0);
    if (layout.too_small) {
        draw_too_small(app);
    } else {
        app_update_tables(app, now);
        app_view(app)->draw(app, layout.body);
        // After the body: drawing makes the cursor of the view valid.
        draw_title(app, layout.title);
        draw_head(app, layout.head);
        draw_info(app, layout.info);
        cursor = draw_line(app, layout.line);
        if (app->popup.open)
            popup_draw(&app->popup, app->screen_w, app->screen_h);
    }
    hand_over_wants(app, now);
    if (app->term.test)
        draw_settled(app, now);
    // Elsewhere it is out of sight but stands on what is selected: screen readers and
    // braille lines follow it.
    (void)curs_set(cursor >= 0 ? 1 : 0);
    if (cursor >= 0)
        draw_caret(layout.line.y, cursor);
    draw_caret_move();
    if (whole || app->popup.open) {
        (void)refresh();
        app->late_row = app->screen_h;
    } else {
        send_first(app);
    }
}

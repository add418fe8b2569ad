#include "tui/app.h"
#include "tui/widget/bars.h"
#include "tui/widget/draw.h"

#include <math.h>

static void run_head(struct app *app, struct str *left, struct str *right)
{
    (void)right;
    str_add(left, job_running(&app->job) ? "Evaluation, running" : "Evaluation");
}

static size_t run_count(const struct app *app)
{
    (void)app;
    return 0;
}

static struct cursor *run_cursor(struct app *app)
{
    return &app->help_cursor;
}

static void run_text(const struct app *app, size_t i, struct str *out)
{
    (void)app, (void)i, (void)out;
}

// Lines from top to bottom; what does not fit is left out.
struct page {
    struct rect area;
    int next;
};

static bool page_line(struct page *page, int *y)
{
    *y = page->area.y + page->next++;
    return page->next <= page->area.h;
}

static void draw_fact(struct page *page, const char *name, const char *text)
{
    int y;
    if (!page_line(page, &y))
        return;
    (void)draw_text(y, page->area.x, 13, STYLE_DIM, name);
    (void)draw_text(y, page->area.x + 14, page->area.w - 14, STYLE_TEXT, text);
}

static void add_time(struct str *out, double seconds)
{
    long s = (long)(seconds + 0.5);
    if (s >= 3600)
        str_addf(out, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        str_addf(out, "%ld:%02ld", s / 60, s % 60);
}

static const char *job_word(const struct job *job)
{
    const struct pipe_progress *progress = &job->progress;
    if (job_running(job))
        return job->cancelling    ? "stopping after the pictures in hand"
               : progress->paused ? "paused"
                                  : "running";
    if (progress->code == ERR_INTERRUPTED)
        return "stopped; what is done is kept, R goes on";
    return progress->code != ERR_OK ? "failed" : "finished";
}

static void draw_progress(const struct app *app, struct page *page)
{
    const struct pipe_progress *progress = &app->job.progress;
    int y;
    struct str text = {0};
    if (page_line(page, &y)) {
        int w = page->area.w - 30;
        bar_share(y, page->area.x, w > 0 ? w : 0, STYLE_FILL,
                  progress->total ? (double)progress->done / (double)progress->total : 0);
        (void)draw_textf(
            y, page->area.x + (w > 0 ? w : 0) + 2, 28, STYLE_STRONG,
            "%zu of %zu  %5.1f%%", progress->done, progress->total,
            progress->total ? 100 * (double)progress->done / (double)progress->total : 0);
    }
    page->next++;
    draw_fact(page, "state", job_word(&app->job));
    if (progress->message[0])
        draw_fact(page, "", progress->message);
    if (!app->term.test) {
        str_addf(&text, "%.1f pictures/s", progress->images_per_second);
        draw_fact(page, "speed", str_get(&text));
        str_clear(&text);
        add_time(&text, progress->seconds);
        if (job_running(&app->job) && isfinite(progress->eta_seconds)) {
            str_add(&text, ", about ");
            add_time(&text, progress->eta_seconds);
            str_add(&text, " to go");
        }
        draw_fact(page, "time", str_get(&text));
    }
    str_clear(&text);
    str_addf(&text, "%zu", progress->from_cache);
    draw_fact(page, "from cache", str_get(&text));
    str_clear(&text);
    str_addf(&text, "%zu%s", progress->failed,
             progress->failed ? "  (:filter error lists them)" : "");
    draw_fact(page, "failed", str_get(&text));
    str_release(&text);
}

static void draw_accuracy(struct page *page, const char *name, size_t hits, size_t n)
{
    int y;
    if (n == 0 || !page_line(page, &y))
        return;
    struct rep_interval interval = rep_wilson(hits, n);
    int x = page->area.x;
    int w = page->area.w - 14 - 22;
    (void)draw_text(y, x, 6, STYLE_DIM, name);
    (void)draw_textf(y, x + 6, 8, STYLE_STRONG, "%5.1f%%", rep_percent(hits, n));
    if (w > 60)
        w = 60;
    if (w > 8) {
        bar_interval(y, x + 14, w, STYLE_FILL, interval.low, rep_percent(hits, n),
                     interval.high);
        x += 14 + w;
    } else {
        x += 14;
    }
    (void)draw_textf(y, x + 2, 20, STYLE_TEXT, "%.1f to %.1f", interval.low,
                     interval.high);
}

// How often the model is right at each confidence (Guo et al. 2017).
static void draw_calibration(const struct app *app, struct page *page)
{
    struct rep_bin bins[REP_BINS];
    double ece;
    if (page->area.h - page->next < REP_BINS + 4)
        return;
    rep_calibration(app->state.set.rows, app->state.set.count, bins, &ece);
    page->next++;
    int y, x = page->area.x;
    int w = page->area.w - 14 - 22;
    w = w > 60 ? 60 : w;
    if (w < 12 || !page_line(page, &y))
        return;
    (void)draw_textf(
        y, x, page->area.w, STYLE_HEAD,
        "how often it is right, by confidence  (expected calibration error %.3f)", ece);
    for (int i = REP_BINS - 1; i >= 0; i--) {
        const struct rep_bin *bin = &bins[i];
        if (!page_line(page, &y))
            return;
        (void)draw_textf(y, x, 12, STYLE_DIM, "%3.0f - %3.0f%%", 100 * bin->low,
                         100 * bin->high);
        if (bin->count == 0)
            continue;
        bar_share(y, x + 14, w, STYLE_FILL, bin->accuracy);
        // Where the bar would end if the model were as right as it is sure.
        draw_glyph(y, x + 14 + (int)(bin->mean_confidence * (w - 1) + 0.5), STYLE_MARK,
                   GLYPH_VLINE);
        (void)draw_textf(y, x + 16 + w, 20, STYLE_TEXT, "%5.1f%% of %zu",
                         100 * bin->accuracy, bin->count);
    }
}

static void run_draw(struct app *app, struct rect body)
{
    const struct rep_tally *tally = &app->state.tally;
    struct page page = {{body.y + 1, body.x + 2, body.h - 2, body.w - 4}, 0};
    int y;
    if (app->export_task.running) {
        struct str text = {0};
        str_addf(&text, "%zu of %zu files", atomic_load(&app->export_task.done),
                 app->export_task.count);
        draw_fact(&page, "npz set", str_get(&text));
        str_release(&text);
        page.next++;
    }
    if (app->job.started) {
        draw_progress(app, &page);
        page.next++;
    } else if (page_line(&page, &y)) {
        (void)draw_text(y, page.area.x, page.area.w, STYLE_DIM,
                        app->opts->model
                            ? "nothing has been started: R evaluates everything"
                            : "no model: start xlens with -m MODEL");
        page.next++;
    }
    draw_accuracy(&page, "top-1", tally->top1, tally->labelled);
    draw_accuracy(&page, "top-5", tally->top5, tally->labelled);
    if (tally->labelled && page_line(&page, &y))
        (void)draw_textf(y, page.area.x, page.area.w, STYLE_DIM,
                         "%zu labelled pictures; Wilson intervals at 95%%",
                         tally->labelled);
    if (tally->labelled)
        draw_calibration(app, &page);
}

const struct view_ops view_run = {
    .name = "work",
    .tab = "Run",
    .key = "w",
    .head = run_head,
    .draw = run_draw,
    .count = run_count,
    .cursor = run_cursor,
    .text = run_text,
};

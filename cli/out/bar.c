#include "cli/out/bar.h"

#include "report/report.h"

#include "base/clock.h"
#include "base/str.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BAR_CELLS = 20 };

// Whether a line stands on the terminal, of which there is one.
static atomic_bool line_there;

void bar_open(struct bar *bar, const struct cli *cli)
{
    *bar =
        (struct bar){.on = !cli->quiet && isatty(STDERR_FILENO), .opened = clock_now()};
}

bool bar_due(struct bar *bar)
{
    double now = clock_now();
    if (!bar->on || now - bar->drawn < 0.25)
        return false;
    bar->drawn = now;
    return true;
}

static int columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

void bar_draw(size_t done, size_t total, const char *text)
{
    struct str line = {0};
    size_t cells = total ? done * BAR_CELLS / total : 0;
    str_add_char(&line, '[');
    for (size_t i = 0; i < BAR_CELLS; i++)
        str_add_char(&line, i < cells ? '#' : '.');
    str_addf(&line, "] %zu/", done);
    if (total)
        str_addf(&line, "%zu", total);
    else
        str_add_char(&line, '?');
    str_addf(&line, " %s", text);
    int width = columns() - 1;
    (void)fprintf(stderr, "\r%-*.*s", width, width, str_get(&line));
    (void)fflush(stderr);
    atomic_store(&line_there, true);
    str_release(&line);
}

static void add_time(struct str *s, double seconds)
{
    if (isnan(seconds))
        return;
    long left = lround(seconds);
    if (left >= 3600)
        str_addf(s, " ETA %ld:%02ld:%02ld", left / 3600, left / 60 % 60, left % 60);
    else
        str_addf(s, " ETA %ld:%02ld", left / 60, left % 60);
}

void bar_draw_job(const struct pipe_progress *p)
{
    struct str text = {0};
    str_addf(&text, " %.1f/s", p->images_per_second);
    add_time(&text, p->eta_seconds);
    if (p->labelled) {
        struct rep_interval i = rep_wilson(p->top1, p->labelled);
        str_addf(&text, "  top-1 %.1f [%.1f, %.1f]  top-5 %.1f",
                 rep_percent(p->top1, p->labelled), i.low, i.high,
                 rep_percent(p->top5, p->labelled));
    }
    if (p->failed)
        str_addf(&text, "  failed %zu", p->failed);
    if (p->paused)
        str_add(&text, "  paused");
    bar_draw(p->done, p->total, str_get(&text));
    str_release(&text);
}

void bar_tell(void *ctx, size_t done, size_t total)
{
    struct bar *bar = ctx;
    struct str text = {0};
    if (!bar_due(bar))
        return;
    double rate = (double)done / (bar->drawn - bar->opened);
    if (done > 0 && isfinite(rate)) {
        str_addf(&text, " %.1f/s", rate);
        add_time(&text, total > done ? (double)(total - done) / rate : (double)NAN);
    }
    bar_draw(done, total, str_get(&text));
    str_release(&text);
}

void bar_hide(void)
{
    if (!atomic_exchange(&line_there, false))
        return;
    (void)fprintf(stderr, "\r%*s\r", columns() - 1, "");
    (void)fflush(stderr);
}

void bar_close(struct bar *bar)
{
    bar_hide();
    bar->on = false;
}

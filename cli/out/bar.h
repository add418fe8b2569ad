#ifndef CLI_BAR_H
#define CLI_BAR_H

// A progress line on stderr, only when that is a terminal and -q is not given.

#include "cli/cmd.h"

#include "pipeline/pipeline.h"

struct bar {
    bool on;
    double opened, drawn; // when, and when last
};

void bar_open(struct bar *bar, const struct cli *cli);

// True when it is time to draw again; a quarter of a second has gone.
bool bar_due(struct bar *bar);

// done of total (0: not known yet) with what stands behind them.
void bar_draw(size_t done, size_t total, const char *text);

// The same with a job's rate, time left, top-1 and top-5 with the interval.
void bar_draw_job(const struct pipe_progress *progress);

// For struct progress, whose ctx is the bar: when it is time, done of total with the rate
// and the time left.
void bar_tell(void *ctx, size_t done, size_t total);

// Takes the line away until it is drawn again: before anything else goes to stderr.
void bar_hide(void);

void bar_close(struct bar *bar);

#endif

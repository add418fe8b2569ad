#ifndef TUI_H
#define TUI_H

// The terminal explorer. The only room that includes curses and chafa. One thread (the
// caller's) touches the screen.

#include "dataset/dataset.h"
#include "pipeline/pipeline.h"

#include "base/err.h"

#include <stdbool.h>

enum tui_color { TUI_COLOR_AUTO, TUI_COLOR_NEVER, TUI_COLOR_ALWAYS };

struct tui_opts {
    const struct ds *ds;
    const struct pipe_setup_opts *model; // NULL: browse without one
    const struct labels *labels;         // that the user gave, or NULL
    const char *db;                      // database path
    int threads;
    enum tui_color color;
    bool evaluate; // start evaluating everything at once, in the background
    bool ascii;    // ASCII only, whatever the locale says
};

// Runs until the user leaves. The model is opened while the pictures are on the screen;
// one that cannot be opened ends it with that error. ERR_NO_TERMINAL when stdin or stdout
// is not one, or the terminal cannot move its cursor; the message names the command that
// works without.
enum err_code tui_run(const struct tui_opts *opts, struct err *e) MUST_CHECK;

#endif

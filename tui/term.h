#ifndef TUI_TERM_H
#define TUI_TERM_H

// The terminal: what it can do, taking it over, and giving it back in every case.

#include "tui/picture/cells.h"
#include "tui/tui.h"

#include "base/err.h"

#include <stdbool.h>

struct terminal {
    struct pic_mode mode;
    bool test; // XLENS_TUI_TEST: fixed clock, settled marker
};

// ERR_NO_TERMINAL when stdin or stdout is not a terminal or it cannot move its cursor.
// Writes nothing.
enum err_code term_check(struct err *e) MUST_CHECK;

// Sets the locale for characters; whether they are UTF-8.
bool term_utf8(void);

// Takes the terminal over; term_check has been satisfied.
enum err_code term_open(const struct tui_opts *opts, struct terminal *out,
                        struct err *e) MUST_CHECK;
void term_close(void);

// What came by signal since the last call.
struct term_signals {
    int end;        // SIGTERM, SIGHUP or SIGQUIT, else 0
    bool interrupt; // SIGINT
    bool suspend;   // SIGTSTP
    bool resumed;   // SIGCONT
};
void term_take_signals(struct term_signals *out);

// Readable when term_take_signals has something.
int term_signal_fd(void);

// Gives the terminal back, stops the process group, and takes the terminal again.
void term_suspend(void);

// Takes the terminal again after somebody else had it; everything is drawn anew.
void term_retake(void);

// The next key (code points, or FN(KEY_…)), -1 when there is none, -2 when the terminal
// is gone.
int term_key(void);

// Height over width of a cell, as the terminal says, else 2.
double term_cell_aspect(void);

#endif

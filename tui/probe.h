#ifndef TUI_PROBE_H
#define TUI_PROBE_H

// What the terminal can show, by its name, the environment and its own answers.

#include "base/err.h"

#include <stdbool.h>

struct tui_probe {
    bool is_terminal;  // stdin and stdout are one
    char term[64];     // TERM
    bool known;        // to terminfo
    int across, down;  // cells
    int width, height; // pixels, 0 unknown
    int colors;        // by terminfo, 0 unknown
    bool true_color;
    bool utf8;
    char charset[32];
    bool asked, answered; // questions about graphics
    char version[64];     // what the terminal calls itself, "" unknown
    bool kitty, sixel, iterm2;
    bool tmux, screen, ssh;    // between it and us
    char refusal[ERR_MSG_MAX]; // why the explorer does not run here, "" when it does
};

// Asks the terminal and waits at most a second for an answer; what is typed meanwhile is
// lost. Writes nothing when stdout is no terminal or TERM is a plain one.
void tui_probe(struct tui_probe *out);

#endif

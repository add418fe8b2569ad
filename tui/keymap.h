#ifndef TUI_KEYMAP_H
#define TUI_KEYMAP_H

// Keys to commands. Every key is a command that can be typed at ":" as well, and a row of
// keymap.def: dispatch and the help view read the same table, and a test compares the
// manual with it.

#include "tui/view/view.h"

#include <stddef.h>

struct keymap_row {
    unsigned views;   // bit 1 << enum view_id
    const char *keys; // as people read them
    int key;
    const char *command;
    const char *help; // empty: another key for the command of the row before
};

extern const struct keymap_row keymap[];
extern const size_t keymap_count;

// The command of a key in a view, or NULL.
const char *keymap_find(enum view_id view, int key);

#endif

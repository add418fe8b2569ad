#ifndef TUI_WIDGET_HISTORY_H
#define TUI_WIDGET_HISTORY_H

// What was typed at the prompts, newest last, kept in a file between sessions. Each line
// starts with the character of its prompt, which keeps commands, searches and filters
// apart.

#include "base/err.h"

#include <stddef.h>

enum { HISTORY_MAX = 200 };

struct history {
    char *lines[HISTORY_MAX];
    size_t count;
};

// A missing file is an empty history.
void history_load(struct history *history, const char *path);
enum err_code history_save(const struct history *history, const char *path,
                           struct err *e) MUST_CHECK;
void history_release(struct history *history);

// Adds text under `kind`; an equal older line moves to the end.
void history_add(struct history *history, char kind, const char *text);

// The `back`-th newest text of this kind (1 = newest), or NULL.
const char *history_find(const struct history *history, char kind, size_t back);

#endif

#ifndef TUI_WIDGET_PROMPT_H
#define TUI_WIDGET_PROMPT_H

// A line that the user edits, with history and completion. Knows keys, not the screen,
// but for prompt_draw.

#include "tui/widget/history.h"
#include "tui/widget/layout.h"

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

// Keys as one number: code points as they are, curses' KEY_ codes above them.
enum { KEY_FUNCTION = 0x1000000 };
#define FN(code)   (KEY_FUNCTION + (code))
#define CTRL(char) ((char)&0x1f)
enum { KEY_ESC = 27, KEY_TAB = 9, KEY_RUBOUT = 127 };

enum prompt_result { PROMPT_GOES_ON, PROMPT_ACCEPTED, PROMPT_CANCELLED };

// The n-th text that could stand in place of the last word of `text`, NULL after the
// last. `text` ends where the cursor is.
typedef const char *prompt_complete_fn(void *ctx, char kind, const char *text, size_t n);

struct prompt {
    bool open;
    char kind; // ':', '/', 'f', …: selects history and completion
    char label[40];
    struct str text;
    size_t at;        // cursor, bytes
    size_t back;      // place in the history, 0 = the line being typed
    char *typed;      // that line while the history is shown
    size_t candidate; // Tab pressed this many times
    size_t stem;      // bytes kept before the candidate
    char error[160];  // shown after the text until the next key
};

void prompt_open(struct prompt *prompt, char kind, const char *label, const char *text);
void prompt_close(struct prompt *prompt);
enum prompt_result prompt_key(struct prompt *prompt, int key,
                              const struct history *history, prompt_complete_fn *complete,
                              void *ctx);

// Draws the line and returns the column of the cursor.
int prompt_draw(const struct prompt *prompt, struct rect line);

#endif

#ifndef TUI_COMMAND_H
#define TUI_COMMAND_H

// Everything that can be done, by name: what keys call and what is typed at ":".

#include "tui/app.h"

typedef void command_fn(struct app *app, const char *args, int value);

struct command {
    const char *name;
    const char *args; // as help shows them, "" when there are none
    command_fn *run;
    int value; // distinguishes commands that share a function
    const char *help;
};

extern const struct command commands[];
extern const size_t command_count;

// Runs one line: a name and its arguments. An unknown name is complained about.
void command_run(struct app *app, const char *line);

// Runs what was asked for while the model was being opened.
void command_fulfil_wish(struct app *app);

// Completion at a prompt (prompt_complete_fn; ctx is the app).
const char *command_complete(void *app, char kind, const char *text, size_t n);

// A prompt was accepted.
void command_answer(struct app *app, char kind, const char *text);

// Handlers that live beside what they are about.
command_fn command_run_model, command_pause, command_cancel, command_show_run;
command_fn command_export, command_npz;
command_fn command_filter, command_wrong, command_sort, command_reverse, command_errors;
command_fn command_mark, command_range, command_undo;

#endif

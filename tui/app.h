#ifndef TUI_APP_H
#define TUI_APP_H

// Everything the explorer knows, in one struct that is passed around; one thread.

#include "tui/analysis.h"
#include "tui/picture/loader.h"
#include "tui/run_store.h"
#include "tui/state.h"
#include "tui/task/export.h"
#include "tui/task/job.h"
#include "tui/task/model.h"
#include "tui/term.h"
#include "tui/tui.h"
#include "tui/view/view.h"
#include "tui/widget/history.h"
#include "tui/widget/popup.h"
#include "tui/widget/prompt.h"

#include <stdbool.h>
#include <stddef.h>

enum { APP_FRAMES = 16 };

// A view that was opened from another one, and what to go back to.
struct frame {
    enum view_id view;
    bool drilled; // opened with a filter of its own
    char *filter; // the filter before, when drilled
    bool wrong_only;
    size_t item;      // the selection before
    char caption[96]; // what a drilled list shows
};

struct app {
    const struct tui_opts *opts;
    struct terminal term;
    struct state state;
    struct loader *loader;
    struct model model;
    struct job job;       // the evaluation that the screen tells of
    struct job aside;     // what r asked for while that one runs
    struct job_wish wish; // what was asked for while the model is being opened
    struct run_store store;
    struct analysis analysis;
    struct export_task export_task;

    struct frame frames[APP_FRAMES];
    int depth; // frames[depth] is on screen

    struct cursor pairs_cursor, classes_cursor, runs_cursor, help_cursor;
    struct cursor matrix_rows, matrix_columns;
    int classes_order;

    struct prompt prompt;
    struct history history;
    char *history_path;
    struct popup popup;
    char search[128];
    size_t range_from; // first entry of the range being marked, SIZE_MAX: none
    size_t count_typed;

    char message[ERR_MSG_MAX];
    bool message_bad;

    struct pic_want wants[LOADER_WANTS];
    size_t want_count, want_visible; // the first ones are on screen, the rest is ahead
    bool incomplete;                 // one of those was not there when it was drawn
    struct rect late[LOADER_WANTS];  // parts of the screen that are sent after the others
    size_t late_count;
    int late_row;        // they have been sent up to here
    double selected_at;  // when the selection last changed
    double selected_gap; // time since the change before
    size_t selected_item;

    int screen_w, screen_h;
    unsigned long keys; // handled so far
    bool redraw;        // from scratch
    bool quit;
    int end_signal;
    struct err error; // why it ends, code ERR_OK: because the user wants to
};

// One line for the user; stays until the next key.
void app_say(struct app *app, const char *fmt, ...) PRINTF_LIKE(2, 3);
void app_complain(struct app *app, const char *fmt, ...) PRINTF_LIKE(2, 3);

const struct view_ops *app_view(const struct app *app);
enum view_id app_view_id(const struct app *app);
const struct view_ops *app_view_ops(enum view_id id);

// Brings the tables of the view up to date when it is time.
void app_update_tables(struct app *app, double now);

// Opens a view; one that is open already is gone back to.
void app_open(struct app *app, enum view_id id);
// Opens the list on a filter of its own; app_back returns to the view and filter before.
void app_drill(struct app *app, const char *filter, const char *caption);
// One level back; false at the bottom.
bool app_back(struct app *app);

// Asks for a picture that is on screen now; NULL while it is not there.
const struct pic_done *app_picture(struct app *app, struct pic_want want);
// Asks for one that will be on screen soon, when there is nothing better to do.
void app_want_ahead(struct app *app, struct pic_want want);

// A part of the frame that may come after the rest of it, and stay away while keys do:
// pictures are a hundred times the bytes of what a key changes. Left to right in a row.
void app_late(struct app *app, struct rect area);

// Leaves, after a question when work is going on.
void app_ask_quit(struct app *app);

#endif

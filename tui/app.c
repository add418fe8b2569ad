#include "tui/app.h"

#include "tui/command.h"
#include "tui/keymap.h"
#include "tui/screen.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <curses.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

// At most 20 frames a second for what happens by itself; keys are answered at once.
static const double FRAME = 0.05, TICK = 0.5;
// Between the pieces of a picture while all cores evaluate: whoever reads the terminal
// takes some 4 KB each time that it gets a core, and an answer waits behind what is on
// the way.
static const double PIECE = 0.004;
enum { KEYS_A_FRAME = 64 };

// ---- leaving ----

static void popup_line(struct popup *popup, const char *text)
{
    (void)snprintf(popup->lines[popup->line_count++], sizeof popup->lines[0], "%s", text);
}

void app_ask_quit(struct app *app)
{
    struct popup *popup = &app->popup;
    if (!job_running(&app->job) && !app->export_task.running) {
        app->quit = true;
        return;
    }
    *popup = (struct popup){.open = true, .title = "Quit?"};
    if (job_running(&app->job)) {
        (void)snprintf(popup->lines[popup->line_count++], sizeof popup->lines[0],
                       "An evaluation is running: %zu of %zu pictures are done.",
                       app->job.progress.done, app->job.progress.total);
        popup_line(popup, "They are kept, and the next evaluation goes on from there.");
    } else {
        popup_line(popup, "An npz set is being written; what is there stays.");
    }
    popup_line(popup, "");
    popup_line(popup, "s  stop and quit      Esc  stay");
}

static void answer_popup(struct app *app, int key)
{
    switch (key) {
    case 's':
    case 'y':
    case 'Q':
        app->quit = true;
        break;
    case KEY_ESC:
    case 'n':
    case 'c':
    case 'q':
    case CTRL('c'):
        app->popup.open = false;
        break;
    default:
        break;
    }
}

// ---- keys ----

// A filter is checked before the prompt closes, so that a mistake can be mended in place.
static bool accepts(struct app *app, char kind, const char *text)
{
    struct err e = {0};
    struct rep_filter *filter = NULL;
    if (kind != 'f' || *text == '\0')
        return true;
    if (rep_filter_parse(text, app->state.labels, &filter, &e) != ERR_OK) {
        (void)snprintf(app->prompt.error, sizeof app->prompt.error, "%.150s", e.msg);
        return false;
    }
    rep_filter_free(filter);
    return true;
}

static void prompt_key_typed(struct app *app, int key)
{
    struct prompt *prompt = &app->prompt;
    switch (prompt_key(prompt, key, &app->history, command_complete, app)) {
    case PROMPT_CANCELLED:
        prompt_close(prompt);
        break;
    case PROMPT_ACCEPTED: {
        char kind = prompt->kind;
        if (!accepts(app, kind, str_get(&prompt->text)))
            break;
        char *text = str_detach(&prompt->text);
        prompt_close(prompt);
        history_add(&app->history, kind, text);
        command_answer(app, kind, text);
        free(text);
        break;
    }
    case PROMPT_GOES_ON:
        break;
    }
}

static void key_typed(struct app *app, int key)
{
    if (key == FN(KEY_RESIZE)) {
        app->term.mode.aspect = term_cell_aspect();
        app->redraw = true;
        return;
    }
    app->keys++;
    if (app->popup.open) {
        answer_popup(app, key);
        return;
    }
    if (app->prompt.open) {
        prompt_key_typed(app, key);
        return;
    }
    app->message[0] = '\0';
    bool digit = key >= '0' && key <= '9';
    if (digit && (key != '0' || app->count_typed > 0)) {
        if (app->count_typed < 100000000)
            app->count_typed = app->count_typed * 10 + (size_t)(key - '0');
        return;
    }
    const char *command = keymap_find(app_view_id(app), key);
    if (command)
        command_run(app, command);
    else
        app_say(app, "? shows the keys");
    app->count_typed = 0;
}

// True when at least one key was there.
static bool take_keys(struct app *app)
{
    bool any = false;
    for (int i = 0; i < KEYS_A_FRAME && !app->quit; i++) {
        int key = term_key();
        if (key == -2) // the terminal is gone
            app->quit = true;
        if (key < 0)
            break;
        key_typed(app, key);
        any = true;
    }
    return any;
}

// ---- what happens by itself ----

static bool take_signals(struct app *app)
{
    struct term_signals signals;
    term_take_signals(&signals);
    if (signals.end) {
        app->end_signal = signals.end;
        app->quit = true;
    }
    if (signals.suspend)
        term_suspend();
    else if (signals.resumed)
        term_retake();
    if (signals.interrupt) {
        if (app->prompt.open)
            prompt_close(&app->prompt);
        else if (app->popup.open)
            app->quit = true;
        else if (job_running(&app->job) && !app->job.cancelling)
            command_cancel(app, "", 0);
        else
            app_ask_quit(app);
    }
    return signals.suspend || signals.resumed || signals.interrupt;
}

static void job_ended(struct app *app, const struct job *job)
{
    const struct pipe_progress *progress = &job->progress;
    struct err e = {0};
    state_refresh(&app->state);
    if (progress->code == ERR_INTERRUPTED)
        app_say(app, "stopped: %zu of %zu pictures are done and kept", progress->done,
                progress->total);
    else if (progress->code != ERR_OK)
        app_complain(app, "%s", progress->message);
    else if (progress->failed > 0)
        app_say(app, "done: %zu pictures, %zu could not be read", progress->done,
                progress->failed);
    else
        app_say(app, "done: %zu picture%s, %zu from the cache", progress->done,
                progress->done == 1 ? "" : "s", progress->from_cache);
    if (run_store_list(&app->store, app->opts, &e) != ERR_OK)
        app_complain(app, "%s", e.msg);
    if (progress->run > 0)
        app->store.shown = progress->run;
}

// A model that cannot be opened ends the program: it was asked for.
static bool take_model(struct app *app)
{
    enum err_code rc;
    struct err *e = &app->error;
    if (!model_ended(&app->model, &rc, e))
        return false;
    if (rc == ERR_OK)
        rc = run_store_use(&app->store, app->opts, model_setup(&app->model), &app->state,
                           e);
    app->error.code = rc;
    if (rc != ERR_OK)
        app->quit = true;
    else
        command_fulfil_wish(app);
    return true;
}

static bool take_events(struct app *app)
{
    unsigned long version = app->state.version;
    size_t done = app->job.progress.done;
    bool changed = false;
    if (job_take(&app->aside, &app->state)) {
        job_ended(app, &app->aside);
        changed = true;
    }
    if (job_take(&app->job, &app->state)) {
        job_ended(app, &app->job);
        changed = true;
    }
    changed = take_model(app) || changed;
    struct str says = {0};
    if (export_npz_ended(&app->export_task, &says)) {
        app_say(app, "%s", str_get(&says));
        changed = true;
    }
    str_release(&says);
    return changed || version != app->state.version || done != app->job.progress.done;
}

// ---- the loop ----

enum { FD_TTY, FD_SIGNAL, FD_LOADER, FD_MODEL, FD_JOB, FD_ASIDE, FD_EXPORT, FDS };

struct times {
    double drawn, sent; // the last frame, the last piece of it
};

// When the next piece is due; only while there are more.
static double next_piece(const struct app *app, const struct times *times)
{
    return job_running(&app->job) ? times->sent + PIECE : times->sent;
}

// Milliseconds until something must be drawn, -1: only when something happens.
static int timeout_of(const struct app *app, double now, const struct times *times,
                      bool dirty)
{
    double wait = -1;
    if (screen_late(app))
        wait = next_piece(app, times) - now;
    else if (dirty)
        wait = times->drawn + FRAME - now;
    else if (screen_debounce(app, now) > 0)
        wait = screen_debounce(app, now);
    else if (job_running(&app->job) || app->state.stale || app->export_task.running)
        wait = TICK;
    else
        return -1;
    return wait > 0 ? (int)(wait * 1000) + 1 : 0;
}

static void wait_for(struct app *app, int timeout, bool *pictures)
{
    struct pollfd fds[FDS] = {
        [FD_TTY] = {0, POLLIN, 0},
        [FD_SIGNAL] = {term_signal_fd(), POLLIN, 0},
        [FD_LOADER] = {loader_fd(app->loader), POLLIN, 0},
        [FD_MODEL] = {model_fd(&app->model), POLLIN, 0},
        [FD_JOB] = {job_fd(&app->job), POLLIN, 0},
        [FD_ASIDE] = {job_fd(&app->aside), POLLIN, 0},
        [FD_EXPORT] = {export_npz_fd(&app->export_task), POLLIN, 0},
    };
    // An interrupted wait is a resize, which the next key read reports.
    *pictures = poll(fds, FDS, timeout) > 0 && (fds[FD_LOADER].revents & POLLIN) != 0;
    if (*pictures)
        loader_ack(app->loader);
}

static void loop(struct app *app)
{
    struct times times = {0};
    bool dirty = false;
    while (!app->quit) {
        double now = clock_now();
        bool pictures, debounced = screen_debounce(app, now) > 0;
        wait_for(app, timeout_of(app, now, &times, dirty), &pictures);
        bool now_please = take_keys(app);
        now_please = take_signals(app) || now_please;
        dirty = take_events(app) || dirty || pictures;
        now = clock_now();
        if (state_refresh_due(&app->state, now)) {
            state_refresh(&app->state);
            dirty = true;
        }
        if (job_running(&app->job) && now - times.drawn >= TICK)
            dirty = true;
        if (debounced && screen_debounce(app, now) <= 0)
            dirty = true;
        if (now_please || app->redraw || (dirty && now - times.drawn >= FRAME)) {
            screen_draw(app, now);
            times.drawn = times.sent = clock_now();
            dirty = app->term.test && !screen_settled(app, times.drawn);
        } else if (screen_late(app) && now >= next_piece(app, &times)) {
            screen_send_late(app);
            times.sent = clock_now();
        }
    }
}

// ---- coming and going ----

static enum err_code open_all(struct app *app, struct err *e)
{
    const struct tui_opts *opts = app->opts;
    enum err_code rc = ERR_OK;
    TRY(term_check(e));
    TRY(model_start(&app->model, opts->model, e));
    TRY(state_init(&app->state, opts->ds, run_store_labels(opts), e));
    TRY(run_store_open(&app->store, opts, e));
    if (!opts->model)
        TRY(run_store_show_newest(&app->store, opts, &app->state, e));
    TRY(term_open(opts, &app->term, e));
    TRY(loader_open(opts->ds, &app->term.mode, &app->loader, e));
out:
    return rc;
}

static void load_history(struct app *app)
{
    char *folder = file_xdg("XDG_STATE_HOME", ".local/state");
    if (!folder)
        return;
    app->history_path = mem_printf("%s/history", folder);
    history_load(&app->history, app->history_path);
    free(folder);
}

static void save_history(struct app *app)
{
    if (!app->history_path)
        return;
    char *folder = mem_dup(app->history_path);
    *strrchr(folder, '/') = '\0';
    // A history that cannot be kept is no reason to trouble anybody on the way out.
    enum err_code rc = file_make_dirs(folder, NULL);
    if (rc == ERR_OK && app->history.count > 0)
        rc = history_save(&app->history, app->history_path, NULL);
    (void)rc;
    free(folder);
}

static void close_all(struct app *app)
{
    // The terminal comes back first: finishing the pictures in hand takes a moment.
    term_close();
    export_npz_close(&app->export_task);
    job_close(&app->aside);
    job_close(&app->job);
    loader_close(app->loader);
    save_history(app);
    while (app->depth > 0) {
        free(app->frames[app->depth].filter);
        app->depth--;
    }
    analysis_clear(&app->analysis);
    run_store_close(&app->store);
    state_release(&app->state);
    model_close(&app->model);
    job_wish_drop(&app->wish);
    prompt_close(&app->prompt);
    history_release(&app->history);
    free(app->history_path);
}

enum err_code tui_run(const struct tui_opts *opts, struct err *e)
{
    struct app *app = mem_new(sizeof *app);
    app->opts = opts;
    app->range_from = SIZE_MAX;
    app->selected_item = SIZE_MAX;
    app->wish.pending = opts->evaluate;
    enum err_code rc = open_all(app, e);
    if (rc == ERR_OK) {
        load_history(app);
        screen_draw(app, clock_now());
        loop(app);
        rc = app->error.code;
        if (rc != ERR_OK && e)
            *e = app->error;
    }
    int sig = app->end_signal;
    close_all(app);
    free(app);
    // Whoever sent the signal sees that it worked; all is closed by now.
    if (sig)
        (void)raise(sig);
    return rc;
}

#include "tui/command.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

// ---- filter and order ----

void command_filter(struct app *app, const char *args, int value)
{
    (void)value;
    struct err e = {0};
    if (state_set_filter(&app->state, args, &e) != ERR_OK) {
        app_complain(app, "%s", e.msg);
        return;
    }
    if (!app_view(app)->items)
        app_open(app, VIEW_LIST);
    if (app->state.count == 0)
        app_say(app, "nothing matches; f and an empty line show everything");
}

void command_errors(struct app *app, const char *args, int value)
{
    (void)value;
    state_set_order(&app->state, ORDER_ERRORS, false);
    state_set_wrong_only(&app->state, true);
    command_filter(app, args, 0);
}

void command_wrong(struct app *app, const char *args, int value)
{
    (void)args, (void)value;
    struct state *state = &app->state;
    state_set_wrong_only(state, !state->wrong_only);
    if (!app_view(app)->items)
        app_open(app, VIEW_LIST);
    if (state->wrong_only && state->count == 0)
        app_say(app, state->tally.done
                         ? "no misclassified picture here; e shows everything"
                         : "nothing has been run yet; e shows everything");
}

void command_sort(struct app *app, const char *args, int value)
{
    (void)value;
    bool next = strcmp(args, "next") == 0;
    if (next && app_view_id(app) == VIEW_CLASSES) {
        app->classes_order = (app->classes_order + 1) % CLASS_ORDERS;
        analysis_clear(&app->analysis);
        app_update_tables(app, clock_now());
        return;
    }
    struct state *state = &app->state;
    int order = next ? (state->order + 1) % ORDER_COUNT : state_order_find(args);
    if (order < 0) {
        app_complain(app, "sort: errors, file, confidence, label, predicted or margin");
        return;
    }
    state_set_order(state, order, false);
    app_say(app, "sorted by %s", state_order_name(order));
}

void command_reverse(struct app *app, const char *args, int value)
{
    (void)args, (void)value;
    state_set_order(&app->state, app->state.order, !app->state.reverse);
}

// ---- marks ----

static void marks_changed(struct app *app)
{
    if (app->state.filter)
        state_refresh(&app->state);
}

static void mark_entries(struct app *app, size_t from, size_t count, bool on)
{
    size_t n = marks_set(&app->state.marks, app->state.view + from, count, on);
    app_say(app, "%zu %s, %zu in all", n, on ? "marked" : "unmarked",
            app->state.marks.count);
    marks_changed(app);
}

void command_mark(struct app *app, const char *args, int value)
{
    struct state *state = &app->state;
    size_t item;
    if (strcmp(args, "all") == 0) {
        mark_entries(app, 0, state->count, value != 0);
    } else if (state_selected(state, &item)) {
        bool on = value != 0 && !marks_has(&state->marks, item);
        (void)marks_set(&state->marks, &item, 1, on);
        size_t places = state->count;
        marks_changed(app);
        // On to the next one, unless the filter took this one away.
        if (state->count == places)
            cursor_move(&state->cursor, state->count, MOVE_RIGHT, 1);
        state->moved = true;
    }
}

void command_range(struct app *app, const char *args, int value)
{
    (void)args, (void)value;
    size_t at = app->state.cursor.pos;
    if (app->state.count == 0)
        return;
    if (app->range_from == SIZE_MAX) {
        app->range_from = at;
        app->state.moved = true;
        app_say(app, "range: move, then v marks it; Esc drops it");
        return;
    }
    size_t from = app->range_from < at ? app->range_from : at;
    size_t to = app->range_from < at ? at : app->range_from;
    app->range_from = SIZE_MAX;
    if (to < app->state.count)
        mark_entries(app, from, to - from + 1, true);
}

void command_undo(struct app *app, const char *args, int value)
{
    (void)args;
    struct marks *marks = &app->state.marks;
    size_t n = value ? marks_redo(marks) : marks_undo(marks);
    if (n == 0)
        app_say(app, value ? "nothing to redo" : "nothing to undo");
    else
        app_say(app, "%s: %zu pictures, %zu marked", value ? "redone" : "undone", n,
                marks->count);
    marks_changed(app);
}

// ---- the model ----

static bool choose_subset(struct app *app, const char *args, size_t **subset,
                          size_t *count)
{
    const struct state *state = &app->state;
    *subset = NULL;
    *count = 0;
    if (strcmp(args, "all") == 0)
        return true;
    if (strcmp(args, "view") == 0) {
        *count = state->count;
        *subset = mem_array(*count, sizeof **subset);
        if (*subset)
            memcpy(*subset, state->view, *count * sizeof **subset);
    } else if (state->marks.count > 0) {
        *subset = marks_items(&state->marks, count);
    } else {
        *subset = mem_array(1, sizeof **subset);
        if (*subset && state_selected(state, *subset))
            *count = 1;
    }
    if (*subset && *count > 0)
        return true;
    free(*subset);
    return false;
}

// Takes the subset; NULL: everything.
static void begin(struct app *app, struct job *job, size_t *subset, size_t count)
{
    struct err e = {0};
    if (run_store_show_ours(&app->store, app->opts, &app->state, &e) != ERR_OK) {
        free(subset);
        app_complain(app, "%s", e.msg);
        return;
    }
    bool all = !subset;
    if (job_start(job, app->opts, model_setup(&app->model), subset, count, &e) != ERR_OK)
        app_complain(app, "%s", e.msg);
    else if (all)
        app_say(app, "evaluating %zu pictures in the background; w shows how it goes",
                ds_count(app->opts->ds));
    else
        app_say(app, count == 1 ? "running on this picture" : "running on %zu pictures",
                count);
}

void command_run_model(struct app *app, const char *args, int value)
{
    (void)value;
    if (!model_setup(&app->model) && !app->model.opening) {
        app_complain(app, "no model: start xlens with -m MODEL to run one");
        return;
    }
    // A few pictures need not wait for the end of an evaluation: they run beside it.
    bool aside = job_running(&app->job) && *args == '\0';
    struct job *job = aside ? &app->aside : &app->job;
    if (job_running(job)) {
        app_complain(app, aside
                              ? "still running on what was asked for before"
                              : "an evaluation is running; w shows it, :cancel stops it");
        return;
    }
    size_t *subset;
    size_t count;
    if (!choose_subset(app, args, &subset, &count)) {
        app_complain(app, "no picture to run on");
    } else if (app->model.opening) {
        job_wish_drop(&app->wish);
        app->wish = (struct job_wish){true, subset, count};
        app_say(app, "runs as soon as the model is open");
    } else {
        begin(app, job, subset, count);
    }
}

void command_fulfil_wish(struct app *app)
{
    struct job_wish wish = app->wish;
    app->wish = (struct job_wish){0};
    if (wish.pending)
        begin(app, &app->job, wish.subset, wish.count);
}

void command_pause(struct app *app, const char *args, int value)
{
    (void)args;
    if (!job_running(&app->job)) {
        app_say(app, "no evaluation is running; R starts one");
        return;
    }
    bool paused = value < 0 ? !app->job.progress.paused : value > 0;
    job_pause(&app->job, paused);
    app_say(app, paused ? "paused; p goes on" : "going on");
}

void command_cancel(struct app *app, const char *args, int value)
{
    (void)args, (void)value;
    if (app->export_task.running) {
        atomic_store(&app->export_task.cancel, true);
        app_say(app, "stopping the npz set");
    } else if (job_running(&app->job) || job_running(&app->aside)) {
        job_cancel(job_running(&app->aside) ? &app->aside : &app->job);
        app_say(app, "stopping after the pictures in hand; what is done is kept");
    } else if (app->wish.pending) {
        job_wish_drop(&app->wish);
        app_say(app, "nothing will run");
    } else {
        app_say(app, "nothing is running");
    }
}

void command_show_run(struct app *app, const char *args, int value)
{
    (void)value;
    struct err e = {0};
    long id;
    if (job_running(&app->job)) {
        app_complain(app, "an evaluation adds to the shown run; :cancel it first");
        return;
    }
    const struct cache_run *run = NULL;
    for (size_t i = 0; str_to_long(args, &id) && i < app->store.count; i++)
        if (app->store.runs[i].id == id)
            run = &app->store.runs[i];
    if (!run)
        app_complain(app, "show: no run %s; D lists them", args);
    // What was imported without a dataset is known by its file names only.
    else if (strcmp(run->dataset, ds_root(app->opts->ds)) != 0 &&
             run->numeric_version != CACHE_FOREIGN)
        app_complain(app, "run %s is of another dataset: %s", args, run->dataset);
    else if (run_store_show(&app->store, app->opts, run, &app->state, &e) != ERR_OK)
        app_complain(app, "%s", e.msg);
    else
        app_say(app, "showing run %s: %s", args, run->name);
}

// ---- files out ----

void command_export(struct app *app, const char *args, int value)
{
    size_t len = strcspn(args, " ");
    const char *path = args + len;
    while (*path == ' ')
        path++;
    if (*path == '\0') {
        app_complain(app, "export: csv, jsonl, datalist, npz or confusion, then a file");
        return;
    }
    char *format = mem_dup_n(args, len);
    struct str says = {0};
    struct err e = {0};
    if (export_view(&app->state, format, path, value != 0, &says, &e) == ERR_OK)
        app_say(app, "%s", str_get(&says));
    else if (e.code == ERR_EXISTS)
        app_complain(app, "%s exists; :export! %s %s writes over it", path, format, path);
    else
        app_complain(app, "%s", e.msg);
    str_release(&says);
    free(format);
}

void command_npz(struct app *app, const char *args, int value)
{
    (void)value;
    struct err e = {0};
    if (*args == '\0')
        app_complain(app, "npz: a folder is needed");
    else if (app->state.count == 0)
        app_complain(app, "npz: the filter shows no picture");
    else if (export_npz_start(&app->export_task, &app->state, args, &e) != ERR_OK)
        app_complain(app, "%s", e.msg);
    else
        app_say(app, "writing %zu npz files to %s", app->state.count, args);
}

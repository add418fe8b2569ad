#include "tui/app.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void PRINTF_LIKE(3, 0)
    set_message(struct app *app, bool bad, const char *fmt, va_list args)
{
    (void)vsnprintf(app->message, sizeof app->message, fmt, args);
    app->message_bad = bad;
}

void app_say(struct app *app, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    set_message(app, false, fmt, args);
    va_end(args);
}

void app_complain(struct app *app, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    set_message(app, true, fmt, args);
    va_end(args);
}

const struct view_ops *app_view_ops(enum view_id id)
{
    static const struct view_ops *const views[] = {
        [VIEW_LIST] = &view_list,       [VIEW_GRID] = &view_grid,
        [VIEW_PAIRS] = &view_pairs,     [VIEW_MATRIX] = &view_matrix,
        [VIEW_CLASSES] = &view_classes, [VIEW_RUN] = &view_run,
        [VIEW_RUNS] = &view_runs,       [VIEW_PICTURE] = &view_picture,
        [VIEW_HELP] = &view_help,
    };
    return views[id];
}

enum view_id app_view_id(const struct app *app)
{
    return app->frames[app->depth].view;
}

const struct view_ops *app_view(const struct app *app)
{
    return app_view_ops(app_view_id(app));
}

void app_update_tables(struct app *app, double now)
{
    if (app_view(app)->tables)
        analysis_update(&app->analysis, &app->state, app->classes_order, now);
}

// Leaves the frame on top; a drilled one gives the filter back.
static void pop(struct app *app)
{
    struct frame *frame = &app->frames[app->depth];
    if (frame->drilled) {
        app->state.wrong_only = frame->wrong_only;
        // It was accepted before, so it is again.
        if (state_set_filter(&app->state, frame->filter, NULL) == ERR_OK &&
            frame->item != SIZE_MAX)
            (void)state_select(&app->state, frame->item);
    }
    free(frame->filter);
    *frame = (struct frame){0};
    app->depth--;
}

static struct frame *push(struct app *app, enum view_id id)
{
    // Views are opened from views a few levels deep; beyond that the oldest step is lost.
    if (app->depth + 1 == APP_FRAMES)
        pop(app);
    app->depth++;
    app->frames[app->depth] = (struct frame){.view = id, .item = SIZE_MAX};
    return &app->frames[app->depth];
}

void app_open(struct app *app, enum view_id id)
{
    for (int i = app->depth; i >= 0; i--)
        if (app->frames[i].view == id) {
            while (app->depth > i)
                pop(app);
            return;
        }
    // Tabs stand beside each other: going from one to the next is not a level.
    bool tab = id < VIEW_TABS;
    while (tab && app->depth > 0 && !app->frames[app->depth].drilled)
        pop(app);
    // A list that was drilled into is seen as thumbnails without losing its filter.
    if (tab && app->depth > 0 && !app_view_ops(id)->items)
        while (app->depth > 0)
            pop(app);
    (void)push(app, id);
    // Keys may come before the next frame.
    app_update_tables(app, clock_now());
    if (id == VIEW_RUNS) {
        struct err e = {0};
        if (run_store_list(&app->store, app->opts, &e) != ERR_OK)
            app_complain(app, "%s", e.msg);
    }
}

void app_drill(struct app *app, const char *filter, const char *caption)
{
    struct err e = {0};
    char *before = mem_dup(app->state.filter_text);
    bool wrong_only = app->state.wrong_only;
    size_t item = SIZE_MAX;
    (void)state_selected(&app->state, &item);
    app->state.wrong_only = false;
    if (state_set_filter(&app->state, filter, &e) != ERR_OK) {
        app->state.wrong_only = wrong_only;
        free(before);
        app_complain(app, "%s", e.msg);
        return;
    }
    app->state.cursor.pos = app->state.cursor.top = 0;
    struct frame *frame = push(app, VIEW_LIST);
    frame->drilled = true;
    frame->filter = before;
    frame->wrong_only = wrong_only;
    frame->item = item;
    (void)snprintf(frame->caption, sizeof frame->caption, "%s", caption);
}

bool app_back(struct app *app)
{
    if (app->depth == 0)
        return false;
    pop(app);
    return true;
}

void app_want_ahead(struct app *app, struct pic_want want)
{
    if (app->want_count < LOADER_WANTS && want.w > 0 && want.h > 0)
        app->wants[app->want_count++] = want;
}

void app_late(struct app *app, struct rect area)
{
    if (app->late_count < LOADER_WANTS)
        app->late[app->late_count++] = area;
}

const struct pic_done *app_picture(struct app *app, struct pic_want want)
{
    if (app->want_count < LOADER_WANTS) {
        // One that is only ahead makes place and goes to the end.
        app->wants[app->want_count++] = app->wants[app->want_visible];
        app->wants[app->want_visible++] = want;
    }
    const struct pic_done *done = loader_find(app->loader, want);
    app->incomplete = app->incomplete || !done;
    return done;
}

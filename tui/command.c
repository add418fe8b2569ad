#include "tui/command.h"

#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static command_fn move_by, go_to, open_selected, step_back, open_view, cycle_view, ask,
    search_for, search_again, redraw, leave;

const struct command commands[] = {
#define COMMAND(name, args, function, value, help) {name, args, function, value, help},
#include "tui/command.def"
#undef COMMAND
};
const size_t command_count = sizeof commands / sizeof commands[0];

// ---- moving ----

static void set_place(struct app *app, struct cursor *cursor, size_t place)
{
    cursor->pos = place;
    if (app_view(app)->items)
        app->state.moved = true;
}

static void move_by(struct app *app, const char *args, int value)
{
    (void)args;
    const struct view_ops *view = app_view(app);
    struct cursor *cursor = view->cursor(app);
    enum move move = (enum move)value;
    if (move == MOVE_LEFT || move == MOVE_RIGHT) {
        if (view->sideways && view->sideways(app, move == MOVE_LEFT ? -1 : 1))
            return;
    }
    size_t count = view->count(app);
    if (move == MOVE_LAST && app->count_typed > 0) {
        size_t n = app->count_typed;
        set_place(app, cursor, n < count ? n - 1 : count ? count - 1 : 0);
        return;
    }
    cursor_move(cursor, count, move, app->count_typed);
    set_place(app, cursor, cursor->pos);
}

static void go_to(struct app *app, const char *args, int value)
{
    (void)value;
    long n;
    const struct view_ops *view = app_view(app);
    if (!str_to_long(args, &n) || n < 1) {
        app_complain(app, "goto: a number from 1 to %zu is needed", view->count(app));
        return;
    }
    app->count_typed = (size_t)n;
    move_by(app, "", MOVE_LAST);
}

static void open_selected(struct app *app, const char *args, int value)
{
    (void)args, (void)value;
    const struct view_ops *view = app_view(app);
    if (view->open && view->count(app) > 0)
        view->open(app);
}

static void step_back(struct app *app, const char *args, int value)
{
    (void)args, (void)value;
    if (app->range_from != SIZE_MAX)
        app->range_from = SIZE_MAX;
    else if (!app_back(app) && app->state.filter_text[0])
        command_filter(app, "", 0);
}

static void open_view(struct app *app, const char *args, int value)
{
    (void)args;
    app_open(app, (enum view_id)value);
}

static void cycle_view(struct app *app, const char *args, int value)
{
    (void)args;
    int id = (int)app_view_id(app);
    if (id >= VIEW_TABS)
        id = VIEW_LIST;
    app_open(app, (enum view_id)((id + value + VIEW_TABS) % VIEW_TABS));
}

// ---- prompts ----

static const struct {
    const char *name;
    char kind;
    const char *label;
} prompts[] = {
    {"command", ':', ":"},        {"search", '/', "/"},
    {"filter", 'f', "filter: "},  {"export", 'x', "export (format file): "},
    {"npz", 'X', "npz folder: "},
};

static void ask(struct app *app, const char *args, int value)
{
    (void)value;
    for (size_t i = 0; i < sizeof prompts / sizeof prompts[0]; i++)
        if (strcmp(prompts[i].name, args) == 0) {
            const char *text = prompts[i].kind == 'f' ? app->state.filter_text : "";
            prompt_open(&app->prompt, prompts[i].kind, prompts[i].label, text);
            return;
        }
    app_complain(app, "ask: command, search, filter, export or npz");
}

void command_answer(struct app *app, char kind, const char *text)
{
    switch (kind) {
    case '/':
        search_for(app, text, 0);
        break;
    case 'x':
        command_export(app, text, 0);
        break;
    case 'X':
        command_npz(app, text, 0);
        break;
    case 'f':
        command_filter(app, text, 0);
        break;
    default:
        command_run(app, text);
        break;
    }
}

// ---- search ----

static bool search_hit(const struct app *app, size_t i)
{
    struct str text = {0};
    app_view(app)->text(app, i, &text);
    bool hit = strcasestr(str_get(&text), app->search) != NULL;
    str_release(&text);
    return hit;
}

static void search_again(struct app *app, const char *args, int value)
{
    (void)args;
    const struct view_ops *view = app_view(app);
    size_t count = view->count(app);
    if (app->search[0] == '\0' || count == 0) {
        app_complain(app,
                     app->search[0] ? "nothing to search here" : "nothing was searched");
        return;
    }
    struct cursor *cursor = view->cursor(app);
    size_t at = cursor->pos;
    for (size_t i = 0; i < count; i++) {
        at = value > 0 ? (at + 1) % count : (at + count - 1) % count;
        if (search_hit(app, at)) {
            set_place(app, cursor, at);
            return;
        }
    }
    app_complain(app, "%s: not found", app->search);
}

static void search_for(struct app *app, const char *args, int value)
{
    (void)value;
    if (*args)
        (void)snprintf(app->search, sizeof app->search, "%s", args);
    search_again(app, "", 1);
}

// ---- the screen and the end ----

static void redraw(struct app *app, const char *args, int value)
{
    (void)args, (void)value;
    app->redraw = true;
}

static void leave(struct app *app, const char *args, int value)
{
    (void)args;
    if (value == 2)
        app->quit = true;
    else if (value == 1 || !app_back(app))
        app_ask_quit(app);
}

// ---- lines ----

static const struct command *command_find(const char *name, size_t len)
{
    for (size_t i = 0; i < command_count; i++)
        if (strlen(commands[i].name) == len && memcmp(commands[i].name, name, len) == 0)
            return &commands[i];
    return NULL;
}

void command_run(struct app *app, const char *line)
{
    while (*line == ' ')
        line++;
    size_t len = strcspn(line, " ");
    if (len == 0)
        return;
    const char *args = line + len;
    while (*args == ' ')
        args++;
    const struct command *command = command_find(line, len);
    // ":123" goes to the 123rd, ":q" is what fingers type.
    if (!command && isdigit((unsigned char)line[0]))
        go_to(app, line, 0);
    else if (!command && strcmp(line, "q") == 0)
        leave(app, "", 1);
    else if (!command && strcmp(line, "q!") == 0)
        leave(app, "", 2);
    else if (!command)
        app_complain(app, "%.*s: no such command; ? lists them", (int)len, line);
    else
        command->run(app, args, command->value);
}

// ---- completion ----

static const char *filter_word(size_t n)
{
    static const char *const words[] = {
        "wrong",    "right",      "top5",    "missed5", "error", "run",   "unrun",
        "labelled", "unlabelled", "marked",  "class=",  "pred=", "file~", "conf>",
        "conf<",    "rank=",      "margin<", "and",     "or",    "not"};
    return n < sizeof words / sizeof words[0] ? words[n] : NULL;
}

static const char *command_name(size_t n)
{
    return n < command_count ? commands[n].name : NULL;
}

static const char *order_name(size_t n)
{
    return n < ORDER_COUNT ? state_order_name((int)n) : NULL;
}

typedef const char *word_fn(size_t n);

// Which words can stand where the text ends; NULL: none known.
static word_fn *words_for(char kind, const char *text)
{
    if (kind == 'f')
        return filter_word;
    if (kind == 'x')
        return strchr(text, ' ') ? NULL : export_format_name;
    if (kind != ':')
        return NULL;
    const char *space = strchr(text, ' ');
    if (!space)
        return command_name;
    if (str_starts_with(text, "filter ") || str_starts_with(text, "errors "))
        return filter_word;
    if (str_starts_with(text, "sort "))
        return order_name;
    if (str_starts_with(text, "export") && !strchr(space + 1, ' '))
        return export_format_name;
    return NULL;
}

const char *command_complete(void *app, char kind, const char *text, size_t n)
{
    (void)app;
    word_fn *words = words_for(kind, text);
    if (!words)
        return NULL;
    const char *stem = text + strlen(text);
    while (stem > text && stem[-1] != ' ' && stem[-1] != '(')
        stem--;
    const char *word;
    for (size_t i = 0; (word = words(i)) != NULL; i++)
        if (str_starts_with(word, stem) && n-- == 0)
            return word;
    return NULL;
}

#include "tui/app.h"
#include "tui/command.h"
#include "tui/keymap.h"
#include "tui/widget/draw.h"

#include "base/str.h"

#include <string.h>

// Lines of the help: keys, an empty line, the head of the commands, the commands.
static bool key_line(size_t i)
{
    return keymap[i].help[0] != '\0';
}

static size_t key_lines(void)
{
    size_t n = 0;
    for (size_t i = 0; i < keymap_count; i++)
        n += key_line(i);
    return n;
}

static size_t help_count(const struct app *app)
{
    (void)app;
    return key_lines() + 2 + command_count;
}

static struct cursor *help_cursor(struct app *app)
{
    return &app->help_cursor;
}

// The keys of the n-th line: its row and the rows without help behind it.
static const struct keymap_row *keys_of(size_t n, struct str *keys)
{
    size_t i = 0;
    for (; n > 0 || !key_line(i); i++)
        n -= key_line(i);
    const struct keymap_row *row = &keymap[i];
    str_add(keys, row->keys);
    for (const char *last = row->keys; ++i < keymap_count && !key_line(i);) {
        if (strcmp(keymap[i].keys, last) != 0)
            str_addf(keys, "  %s", keymap[i].keys);
        last = keymap[i].keys;
    }
    return row;
}

static void line_of(size_t i, struct str *name, struct str *help)
{
    size_t keys = key_lines();
    if (i < keys) {
        str_add(help, keys_of(i, name)->help);
    } else if (i == keys + 1) {
        str_add(name, "Commands");
        str_add(help, "every key is one of these; : types them, Tab completes");
    } else if (i > keys + 1) {
        const struct command *command = &commands[i - keys - 2];
        str_addf(name, ":%s %s", command->name, command->args);
        str_add(help, command->help);
    }
}

static void help_text(const struct app *app, size_t i, struct str *out)
{
    (void)app;
    struct str help = {0};
    line_of(i, out, &help);
    str_addf(out, " %s", str_get(&help));
    str_release(&help);
}

static void help_head(struct app *app, struct str *left, struct str *right)
{
    str_add(left, "Keys and commands");
    str_addf(right, "%zu/%zu", app->help_cursor.pos + 1, help_count(app));
}

static void help_draw(struct app *app, struct rect body)
{
    int names = body.w >= 70 ? 26 : 18;
    size_t count = help_count(app);
    cursor_fit(&app->help_cursor, count, (size_t)body.h, 1);
    for (int i = 0; i < body.h; i++) {
        size_t at = app->help_cursor.top + (size_t)i;
        if (at >= count)
            break;
        struct str name = {0}, help = {0};
        line_of(at, &name, &help);
        bool here = at == app->help_cursor.pos;
        int y = body.y + i;
        int selected = draw_entry((struct rect){y, body.x, 1, body.w}, here, here);
        (void)draw_text(y, body.x + 2, names, STYLE_LINK | selected, str_get(&name));
        (void)draw_text(y, body.x + 3 + names, body.w - names - 4, STYLE_TEXT | selected,
                        str_get(&help));
        str_release(&name);
        str_release(&help);
    }
}

const struct view_ops view_help = {
    .name = "help",
    .tab = "Help",
    .key = "?",
    .head = help_head,
    .draw = help_draw,
    .count = help_count,
    .cursor = help_cursor,
    .text = help_text,
};

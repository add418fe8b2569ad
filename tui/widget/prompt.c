#include "tui/widget/prompt.h"

#include "tui/widget/draw.h"

#include "base/mem.h"

#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROMPT_MAX = 2000 };

void prompt_open(struct prompt *prompt, char kind, const char *label, const char *text)
{
    prompt_close(prompt);
    prompt->open = true;
    prompt->kind = kind;
    (void)snprintf(prompt->label, sizeof prompt->label, "%s", label);
    str_add(&prompt->text, text);
    prompt->at = prompt->text.len;
}

void prompt_close(struct prompt *prompt)
{
    free(prompt->typed);
    str_release(&prompt->text);
    *prompt = (struct prompt){0};
}

static void set_text(struct prompt *prompt, const char *text)
{
    struct str fresh = {0};
    str_add(&fresh, text);
    str_release(&prompt->text);
    prompt->text = fresh;
    prompt->at = fresh.len;
}

// Bytes of the character before / at the cursor.
static size_t before(const struct prompt *prompt)
{
    size_t i = prompt->at;
    while (i > 0 && ((unsigned char)prompt->text.data[--i] & 0xc0) == 0x80) {
    }
    return prompt->at - i;
}

static size_t after(const struct prompt *prompt)
{
    size_t i = prompt->at;
    if (i >= prompt->text.len)
        return 0;
    do
        i++;
    while (i < prompt->text.len && ((unsigned char)prompt->text.data[i] & 0xc0) == 0x80);
    return i - prompt->at;
}

// Removes n bytes in front of the cursor.
static void cut(struct prompt *prompt, size_t n)
{
    if (n == 0)
        return;
    char *text = prompt->text.data;
    memmove(text + prompt->at - n, text + prompt->at, prompt->text.len - prompt->at + 1);
    prompt->at -= n;
    prompt->text.len -= n;
}

static void insert(struct prompt *prompt, const char *bytes)
{
    if (prompt->text.len + strlen(bytes) > PROMPT_MAX)
        return;
    char *tail = mem_dup(str_get(&prompt->text) + prompt->at);
    if (prompt->text.data)
        prompt->text.data[prompt->at] = '\0';
    prompt->text.len = prompt->at;
    str_add(&prompt->text, bytes);
    prompt->at = prompt->text.len;
    str_add(&prompt->text, tail);
    free(tail);
}

static void insert_code(struct prompt *prompt, int code)
{
    char utf8[5] = {0};
    unsigned c = (unsigned)code;
    if (c < 0x80) {
        utf8[0] = (char)c;
    } else if (c < 0x800) {
        utf8[0] = (char)(0xc0 | c >> 6);
        utf8[1] = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        utf8[0] = (char)(0xe0 | c >> 12);
        utf8[1] = (char)(0x80 | (c >> 6 & 0x3f));
        utf8[2] = (char)(0x80 | (c & 0x3f));
    } else {
        utf8[0] = (char)(0xf0 | c >> 18);
        utf8[1] = (char)(0x80 | (c >> 12 & 0x3f));
        utf8[2] = (char)(0x80 | (c >> 6 & 0x3f));
        utf8[3] = (char)(0x80 | (c & 0x3f));
    }
    insert(prompt, utf8);
}

static void browse(struct prompt *prompt, const struct history *history, size_t back)
{
    if (back == 0) {
        set_text(prompt, prompt->typed ? prompt->typed : "");
        prompt->back = 0;
        return;
    }
    const char *line = history_find(history, prompt->kind, back);
    if (!line)
        return;
    if (prompt->back == 0) {
        free(prompt->typed);
        prompt->typed = mem_dup(str_get(&prompt->text));
    }
    set_text(prompt, line);
    prompt->back = back;
}

static void complete_word(struct prompt *prompt, prompt_complete_fn *complete, void *ctx)
{
    if (prompt->candidate == 0) {
        const char *text = str_get(&prompt->text);
        size_t i = prompt->at;
        while (i > 0 && text[i - 1] != ' ' && text[i - 1] != '(')
            i--;
        prompt->stem = i;
        free(prompt->typed);
        prompt->typed = mem_dup_n(text, prompt->at);
    }
    const char *word = complete(ctx, prompt->kind, prompt->typed, prompt->candidate);
    if (!word && prompt->candidate > 0) {
        prompt->candidate = 0;
        word = complete(ctx, prompt->kind, prompt->typed, 0);
    }
    if (!word)
        return;
    cut(prompt, prompt->at - prompt->stem);
    insert(prompt, word);
    prompt->candidate++;
}

static void delete_word(struct prompt *prompt)
{
    const char *text = str_get(&prompt->text);
    size_t i = prompt->at;
    while (i > 0 && text[i - 1] == ' ')
        i--;
    while (i > 0 && text[i - 1] != ' ')
        i--;
    cut(prompt, prompt->at - i);
}

static void edit(struct prompt *prompt, int key)
{
    switch (key) {
    case FN(KEY_LEFT):
    case CTRL('b'):
        prompt->at -= before(prompt);
        break;
    case FN(KEY_RIGHT):
    case CTRL('f'):
        prompt->at += after(prompt);
        break;
    case FN(KEY_HOME):
    case CTRL('a'):
        prompt->at = 0;
        break;
    case FN(KEY_END):
    case CTRL('e'):
        prompt->at = prompt->text.len;
        break;
    case FN(KEY_DC):
    case CTRL('d'): {
        size_t n = after(prompt);
        prompt->at += n;
        cut(prompt, n);
        break;
    }
    case CTRL('u'):
        cut(prompt, prompt->at);
        break;
    case CTRL('k'): {
        size_t n = prompt->text.len - prompt->at;
        prompt->at = prompt->text.len;
        cut(prompt, n);
        break;
    }
    case CTRL('w'):
        delete_word(prompt);
        break;
    default:
        if (key >= ' ' && key < KEY_FUNCTION && key != KEY_RUBOUT)
            insert_code(prompt, key);
        break;
    }
}

enum prompt_result prompt_key(struct prompt *prompt, int key,
                              const struct history *history, prompt_complete_fn *complete,
                              void *ctx)
{
    prompt->error[0] = '\0';
    if (key != KEY_TAB)
        prompt->candidate = 0;
    switch (key) {
    case KEY_ESC:
    case CTRL('c'):
    case CTRL('g'):
        return PROMPT_CANCELLED;
    case '\r':
    case '\n':
    case FN(KEY_ENTER):
        return PROMPT_ACCEPTED;
    case FN(KEY_UP):
    case CTRL('p'):
        browse(prompt, history, prompt->back + 1);
        break;
    case FN(KEY_DOWN):
    case CTRL('n'):
        if (prompt->back > 0)
            browse(prompt, history, prompt->back - 1);
        break;
    case KEY_TAB:
        complete_word(prompt, complete, ctx);
        break;
    case FN(KEY_BACKSPACE):
    case KEY_RUBOUT:
    case '\b':
        if (prompt->text.len == 0)
            return PROMPT_CANCELLED;
        cut(prompt, before(prompt));
        break;
    default:
        edit(prompt, key);
        break;
    }
    return PROMPT_GOES_ON;
}

int prompt_draw(const struct prompt *prompt, struct rect line)
{
    draw_fill(line, STYLE_TEXT);
    int label = draw_text(line.y, line.x, line.w / 2, STYLE_LINK, prompt->label);
    int room = line.w - label - 1;
    // The text scrolls so that the cursor stays on the line.
    char *head = mem_dup_n(str_get(&prompt->text), prompt->at);
    const char *from = head;
    int columns = draw_width(from);
    while (columns > room - 1) {
        unsigned code;
        from += draw_decode(from, &code);
        columns = draw_width(from);
    }
    int used = draw_text(line.y, line.x + label, room, STYLE_STRONG,
                         str_get(&prompt->text) + (from - head));
    free(head);
    if (prompt->error[0])
        (void)draw_textf(line.y, line.x + label + used + 2, room - used - 2, STYLE_WRONG,
                         "%s", prompt->error);
    return line.x + label + columns;
}

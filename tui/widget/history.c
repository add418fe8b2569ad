#include "tui/widget/history.h"

#include "base/file.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { HISTORY_FILE_MAX = 1 << 20 };

static void remove_at(struct history *history, size_t i)
{
    free(history->lines[i]);
    history->count--;
    memmove(history->lines + i, history->lines + i + 1,
            (history->count - i) * sizeof history->lines[0]);
}

static void add_line(struct history *history, char *line)
{
    for (size_t i = 0; i < history->count; i++)
        if (strcmp(history->lines[i], line) == 0) {
            remove_at(history, i);
            break;
        }
    if (history->count == HISTORY_MAX)
        remove_at(history, 0);
    history->lines[history->count++] = line;
}

void history_add(struct history *history, char kind, const char *text)
{
    if (*text)
        add_line(history, mem_printf("%c%s", kind, text));
}

const char *history_find(const struct history *history, char kind, size_t back)
{
    for (size_t i = history->count; i-- > 0;)
        if (history->lines[i][0] == kind && --back == 0)
            return history->lines[i] + 1;
    return NULL;
}

void history_load(struct history *history, const char *path)
{
    struct file_bytes bytes = {0};
    if (file_read(path, HISTORY_FILE_MAX, &bytes, NULL) != ERR_OK)
        return;
    const char *at = (const char *)bytes.data;
    const char *end = at + bytes.len;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((stop ? stop : end) - at);
        if (n > 1)
            add_line(history, mem_dup_n(at, n));
        at += n + 1;
    }
    file_bytes_release(&bytes);
}

enum err_code history_save(const struct history *history, const char *path, struct err *e)
{
    struct file_out out = {0};
    enum err_code rc = file_out_open(&out, path, true, e);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < history->count; i++)
        (void)fprintf(out.stream, "%s\n", history->lines[i]); // commit reports
    return file_out_commit(&out, e);
}

void history_release(struct history *history)
{
    while (history->count > 0)
        remove_at(history, history->count - 1);
}

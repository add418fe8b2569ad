#include "dataset/text.h"

#include "base/file.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum err_code text_open(struct text *text, const char *path, size_t max, struct err *e)
{
    struct file_bytes bytes;
    enum err_code rc = file_read(path, max, &bytes, e);
    if (rc != ERR_OK)
        return rc;
    char *data = (char *)bytes.data;
    const char *nul = memchr(data, 0, bytes.len);
    if (nul) {
        size_t at = (size_t)(nul - data);
        free(data);
        return err_set(e, ERR_FORMAT, "%s: byte %zu is 0, expected a text file", path,
                       at);
    }
    bool marked = bytes.len >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0;
    *text = (struct text){
        .path = path, .data = data, .at = data + (marked ? 3 : 0), .next = 1};
    return ERR_OK;
}

// ---- in pieces ----

// A piece holds several of the longest records, so that little is moved.
enum { PIECE = 4 * TEXT_RECORD_MAX };

enum err_code text_open_pieces(struct text *text, const char *path, struct err *e)
{
    if (file_is_dir(path))
        return err_set(e, ERR_FORMAT, "%s: is a folder, expected a text file", path);
    FILE *stream = fopen(path, "re");
    if (!stream)
        return err_set_errno(e, errno, path, "cannot open");
    char *data = malloc(PIECE + 1);
    if (!data) {
        (void)fclose(stream);
        return err_set(e, ERR_NOMEM, "%s: no memory to read it", path);
    }
    *data = '\0';
    *text = (struct text){path, data, data, 0, 1, stream, data, data};
    enum err_code rc = text_fill(text, e);
    if (rc != ERR_OK)
        text_close(text);
    else if (strncmp(data, "\xEF\xBB\xBF", 3) == 0)
        text->at += 3;
    return rc;
}

enum err_code text_fill(struct text *text, struct err *e)
{
    size_t left = (size_t)(text->end - text->at);
    if (text->at - text->from > TEXT_RECORD_MAX)
        return err_set(e, ERR_LIMIT, "%s:%ld: longer than %d bytes", text->path,
                       text->line, TEXT_RECORD_MAX);
    text->from = text->at;
    if (feof(text->stream) || left >= TEXT_RECORD_MAX)
        return ERR_OK;
    memmove(text->data, text->at, left);
    size_t n = fread(text->data + left, 1, PIECE - left, text->stream);
    if (ferror(text->stream))
        return err_set_errno(e, errno, text->path, "cannot read");
    if (memchr(text->data + left, 0, n))
        return err_set(e, ERR_FORMAT, "%s: holds bytes that are 0, expected a text file",
                       text->path);
    text->at = text->from = text->data;
    text->end = text->data + left + n;
    *text->end = '\0';
    return ERR_OK;
}

void text_close(struct text *text)
{
    if (text->stream)
        (void)fclose(text->stream);
    free(text->data);
    *text = (struct text){0};
}

size_t text_peek(const struct text *text)
{
    return strcspn(text->at, "\r\n");
}

char *text_line(struct text *text)
{
    if (*text->at == '\0')
        return NULL;
    char *line = text->at, *end = line + strcspn(line, "\n");
    text->at = *end ? end + 1 : end;
    text->line = text->next++;
    if (end > line && end[-1] == '\r')
        end--;
    *end = '\0';
    return line;
}

// Takes the quotes off a field that starts behind an opening one; returns the end of what
// was read (a comma, a line end or the terminator), NULL when the quote stays open or
// text follows the closing one.
static char *unquote(struct text *text, char *from)
{
    char *to = from;
    for (; *from; from++) {
        if (*from == '"' && from[1] == '"')
            from++;
        else if (*from == '"')
            break;
        else if (*from == '\n')
            text->next++;
        *to++ = *from;
    }
    if (*from != '"')
        return NULL;
    from++;
    bool ends = *from == ',' || *from == '\n' || *from == '\0' ||
                (*from == '\r' && (from[1] == '\n' || from[1] == '\0'));
    *to = '\0';
    return ends ? from : NULL;
}

// Cuts one field off text->at; sets `last` when it ends the record.
static char *cut_field(struct text *text, bool *last)
{
    char *field = text->at, *end;
    if (*field == '"') {
        end = unquote(text, ++field);
        if (!end)
            return NULL;
    } else {
        end = field + strcspn(field, ",\n");
    }
    *last = *end != ',';
    text->at = *end ? end + 1 : end;
    if (*end == '\r') { // behind a closing quote
        text->at += *text->at == '\n';
        return field;
    }
    if (*last && end > field && end[-1] == '\r')
        end[-1] = '\0';
    *end = '\0';
    return field;
}

int text_record(struct text *text, char **fields, int max, struct err *e)
{
    while (*text->at == '\n' || *text->at == '\r') {
        text->next += *text->at == '\n';
        text->at++;
    }
    if (*text->at == '\0')
        return 0;
    text->line = text->next;
    int n = 0;
    for (bool last = false; !last;) {
        char *field = cut_field(text, &last);
        if (!field) {
            (void)err_set(e, ERR_FORMAT, "%s:%ld: quotes do not match in column %d",
                          text->path, text->line, n + 1);
            return -1;
        }
        if (n < max)
            fields[n++] = field;
    }
    text->next++;
    return n;
}

char *text_trim(char *s)
{
    while (isspace((unsigned char)*s))
        s++;
    size_t n = strlen(s);
    while (n && isspace((unsigned char)s[n - 1]))
        n--;
    s[n] = '\0';
    return s;
}

bool text_is_number(const char *s)
{
    return *s && s[strspn(s, "0123456789")] == '\0';
}

bool text_is_wnid(const char *s)
{
    return s[0] == 'n' && strspn(s + 1, "0123456789") == 8;
}

#include "base/str.h"

#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void reserve(struct str *s, size_t more)
{
    if (!mem_grow(&s->data, &s->cap, s->len + more + 1, 1)) {
        (void)fputs("xlens: out of memory\n", stderr);
        abort();
    }
}

void str_add_n(struct str *s, const char *bytes, size_t n)
{
    reserve(s, n);
    memcpy(s->data + s->len, bytes, n);
    s->len += n;
    s->data[s->len] = '\0';
}

void str_add(struct str *s, const char *text)
{
    str_add_n(s, text, strlen(text));
}

void str_add_char(struct str *s, char c)
{
    str_add_n(s, &c, 1);
}

void str_addv(struct str *s, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    if (n > 0) {
        reserve(s, (size_t)n);
        (void)vsnprintf(s->data + s->len, (size_t)n + 1, fmt, again);
        s->len += (size_t)n;
    }
    va_end(again);
}

void str_addf(struct str *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    str_addv(s, fmt, ap);
    va_end(ap);
}

void str_clear(struct str *s)
{
    s->len = 0;
    if (s->data)
        s->data[0] = '\0';
}

void str_release(struct str *s)
{
    free(s->data);
    *s = (struct str){0};
}

const char *str_get(const struct str *s)
{
    return s->data ? s->data : "";
}

char *str_detach(struct str *s)
{
    char *text = s->data ? s->data : mem_dup("");
    *s = (struct str){0};
    return text;
}

bool str_ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), t = strlen(tail);
    return n >= t && memcmp(s + n - t, tail, t) == 0;
}

bool str_ends_with_nocase(const char *s, const char *tail)
{
    size_t n = strlen(s), t = strlen(tail);
    return n >= t && strcasecmp(s + n - t, tail) == 0;
}

bool str_starts_with(const char *s, const char *head)
{
    return strncmp(s, head, strlen(head)) == 0;
}

bool str_to_long(const char *s, long *out)
{
    char *end;
    errno = 0;
    long value = strtol(s, &end, 10);
    if (end == s || *end != '\0' || errno != 0)
        return false;
    *out = value;
    return true;
}

bool str_to_double(const char *s, double *out)
{
    char *end;
    errno = 0;
    double value = strtod(s, &end);
    if (end == s || *end != '\0' || errno != 0)
        return false;
    *out = value;
    return true;
}

const char *str_basename(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

size_t str_stem_len(const char *basename)
{
    const char *dot = strrchr(basename, '.');
    return dot && dot != basename ? (size_t)(dot - basename) : strlen(basename);
}

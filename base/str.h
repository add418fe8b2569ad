#ifndef BASE_STR_H
#define BASE_STR_H

// A growing byte string, always terminated. `struct str s = {0};` is an empty one.
// Appending aborts when memory is out (see mem.h).

#include "base/attr.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct str {
    char *data; // NULL or terminated
    size_t len;
    size_t cap;
};

void str_add(struct str *s, const char *text);
void str_add_n(struct str *s, const char *bytes, size_t n);
void str_add_char(struct str *s, char c);
void str_addf(struct str *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void str_addv(struct str *s, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
void str_clear(struct str *s);
void str_release(struct str *s);

// The text, "" when empty; borrowed until the next append.
const char *str_get(const struct str *s);

// The text as malloc'ed memory; s is empty afterwards.
char *str_detach(struct str *s) MUST_CHECK;

// Plain helpers on C strings.
bool str_ends_with(const char *s, const char *tail);
bool str_ends_with_nocase(const char *s, const char *tail);
bool str_starts_with(const char *s, const char *head);

// Whole-string numbers: true only when all of s is one number in range.
bool str_to_long(const char *s, long *out) MUST_CHECK;
bool str_to_double(const char *s, double *out) MUST_CHECK;

// Last path component and the length of it without its suffix (".JPEG"); borrowed.
const char *str_basename(const char *path);
size_t str_stem_len(const char *basename);

#endif

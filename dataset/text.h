#ifndef DATASET_TEXT_H
#define DATASET_TEXT_H

// Text files that users write: whole, without byte order mark, cut into numbered lines
// and csv fields in place.

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { TEXT_MAX_BYTES = 1 << 30, TEXT_RECORD_MAX = 4 << 20 };

struct text {
    const char *path; // borrowed, for messages
    char *data;       // owned; lines and fields point into it
    char *at;         // next unread character, NULL at the end
    long line;        // number of the line read last, from 1
    long next;        // number of the line that `at` stands on
    FILE *stream;     // of a text in pieces
    char *end;        // of what is in memory of it
    char *from;       // where the record read last begins
};

// ERR_FORMAT when the file holds NUL bytes; ERR_LIMIT above `max` bytes.
enum err_code text_open(struct text *text, const char *path, size_t max,
                        struct err *e) MUST_CHECK;
void text_close(struct text *text);

// A file of any size in pieces: text_fill before each line or record, after which the
// ones before are gone. ERR_LIMIT when one is longer than TEXT_RECORD_MAX.
enum err_code text_open_pieces(struct text *text, const char *path,
                               struct err *e) MUST_CHECK;
enum err_code text_fill(struct text *text, struct err *e) MUST_CHECK;

// Length of the next line, which starts at text->at; nothing is read.
size_t text_peek(const struct text *text);

// Next line without its end (LF or CRLF); NULL at the end. Cut in place.
char *text_line(struct text *text);

// Next csv record that is not blank into fields[0 … max-1], cut in place: quotes taken
// off,
// "" read as ", quoted line ends kept, surplus fields dropped. Returns the number of
// fields; 0 at the end of the file; -1 on bad quoting, with the error set.
int text_record(struct text *text, char **fields, int max, struct err *e);

// White space off both ends, in place.
char *text_trim(char *s);

// Digits only, and at least one.
bool text_is_number(const char *s);

// n and eight digits, then the end or anything but another digit.
bool text_is_wnid(const char *s);

#endif

#ifndef REPORT_TEXT_H
#define REPORT_TEXT_H

// Inside the report room: numbers and strings as files want them, whatever the locale.

#include "cache/row.h"

#include "base/err.h"

#include <stdio.h>

enum { REP_NUMBER_MAX = 64 };

// A finite value with so many decimals and a '.', into buf; returns buf.
const char *rep_number_text(char buf[REP_NUMBER_MAX], double value, int decimals);

// A plain decimal number ("0.9", ".5", "12") at *at, which moves behind it; NaN when
// there is none. Correctly rounded up to 15 digits.
double rep_number_parse(const char **at);

// Length of the well-formed UTF-8 sequence at s, 0 when there is none.
int rep_utf8_len(const unsigned char *s);

// A csv field (RFC 4180): quoted only where it must be.
void rep_csv_write(FILE *out, const char *text);

// A JSON string with its quotes. Bytes that are no UTF-8 become \udcXX, as Python's
// surrogateescape reads and writes file names.
void rep_json_write(FILE *out, const char *text);

// A line of a datalist: absolute path and label.
enum err_code rep_datalist_line(const struct row *row, const char *root, FILE *out,
                                struct err *e) MUST_CHECK;

#endif

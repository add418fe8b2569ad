#ifndef REPORT_HTML_H
#define REPORT_HTML_H

// Inside the report room: the parts of the HTML page. Everything that comes from a user
// goes through html_text.

#include "report/export.h"

enum { HTML_ERRORS = 48, HTML_FAILURES = 100 };

// A row that outlives its walk.
struct html_row {
    struct row row;
    char *file, *error; // of the row, owned
};

struct html {
    FILE *out;
    const struct rep_html *page;
    struct rep_summary sum;
    struct html_row errors[HTML_ERRORS];     // the most confident ones, they first
    struct html_row failures[HTML_FAILURES]; // the first ones
    size_t error_count, failure_count;
};

// ---- html_text.c ----

// Escaped; control characters become their pictures (U+2400 …), what is no UTF-8 becomes
// U+FFFD, and what would turn the reading direction is shown by its code.
void html_text(FILE *out, const char *text);

// "68.7" and such, "–" for NaN.
void html_number(FILE *out, double value, int decimals);

// "3,712", as people read counts.
void html_count(FILE *out, size_t count);

void html_base64(FILE *out, const uint8_t *bytes, size_t len);

// First word of a class, with all words and the WordNet id to be seen when pointed at.
void html_class(const struct html *h, int index);

// ---- the others: a section each ----

// A band from low to high and a mark at value, all in percent.
void html_interval(FILE *out, double low, double value, double high);
void html_calibration(const struct html *h);
void html_pairs(const struct html *h);
void html_classes(const struct html *h);
void html_errors(const struct html *h);
void html_failures(const struct html *h);

// Takes a row into errors or failures where it belongs; frees them.
void html_keep(struct html *h, const struct row *row);
void html_release(struct html *h);

#endif

#ifndef REPORT_HTML_H
#define REPORT_HTML_H

// Inside the report room: the parts of the HTML page. Everything that comes from a user
// goes through html_text.

#include "report/export.h"

struct html {
    FILE *out;
    const struct rep_html *page;
    struct row *rows; // those of the table, in its order
    size_t count;
    struct rep_tally tally;
    struct rep_pair *pairs;
    size_t pair_count;
    struct rep_class *classes;
    struct rep_bin bins[REP_BINS];
    double ece;
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
enum err_code html_errors(const struct html *h, struct err *e) MUST_CHECK;
void html_failures(const struct html *h);

#endif

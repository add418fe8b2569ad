#ifndef CLI_OPT_H
#define CLI_OPT_H

// Options as rows: parsing, --help and the errors for wrong ones all come from the table.

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum opt_kind {
    OPT_FLAG,   // bool
    OPT_TEXT,   // const char *
    OPT_INT,    // int, min … max
    OPT_REAL,   // double, min … max
    OPT_MARGIN, // double, "±0.5" or "0.5"
    OPT_CHOICE, // int: place in `choices`
    OPT_CHW,    // struct opt_chw: "[3,299,299]" or "3,299,299"
};

struct opt_chw {
    int height, width;
};

struct opt {
    char letter;       // 0: none
    const char *name;  // long, without dashes; '-' and '_' are equal when it is parsed
    const char *value; // what the help calls the value; NULL for a flag
    const char *help;
    enum opt_kind kind;
    size_t offset; // of the field in the struct that the table is for
    double min, max;
    const char *choices; // separated by spaces
    bool required;
};

// Rows up to one without a name, and the struct that they fill.
struct opt_table {
    const struct opt *rows;
    void *fields;
};

// Fills the fields of both tables (NULL rows: none) from argv[1 …]; what is no option is
// moved to the front of argv+1 and counted. "--" ends the options.
enum err_code opt_parse(const char *command, const struct opt_table tables[2],
                        char **argv, int *operands, struct err *e) MUST_CHECK;

// The option rows as help text.
void opt_help(const struct opt *rows, FILE *out);

// Text broken into lines as wide as those of opt_help.
void opt_paragraph(const char *text, FILE *out);

#endif

#ifndef REPORT_FILTER_H
#define REPORT_FILTER_H

// Inside the report room: a filter is a postfix program over terms, made by filter_parse
// from the tokens of filter_lex, and run by filter.

#include "report/report.h"

#include <stdbool.h>
#include <stddef.h>

// ---- tokens ----

enum rep_token_kind {
    TOKEN_END,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_WORD,   // bare or quoted; text is set
    TOKEN_COMPARE // compare is set
};
enum rep_compare { CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE, CMP_LIKE };

struct rep_token {
    enum rep_token_kind kind;
    enum rep_compare compare;
    bool quoted;
    char *text;    // malloc'ed; only for TOKEN_WORD
    size_t column; // 1-based, in characters
};

struct rep_lexer {
    const char *text, *at;
};

// The next token into *token, whose text the caller frees; a quote that nobody closes is
// the only error.
enum err_code rep_lex(struct rep_lexer *lexer, struct rep_token *token,
                      struct err *e) MUST_CHECK;

// ---- terms ----

enum rep_field {
    FIELD_WRONG,
    FIELD_RIGHT,
    FIELD_TOP5,
    FIELD_MISSED5,
    FIELD_ERROR,
    FIELD_RUN,
    FIELD_UNRUN,
    FIELD_LABELLED,
    FIELD_UNLABELLED,
    FIELD_MARKED,
    FIELD_CLASS,
    FIELD_PRED,
    FIELD_FILE,
    FIELD_CONF,
    FIELD_MARGIN,
    FIELD_RANK
};

struct rep_term {
    enum rep_field field;
    enum rep_compare compare;
    double number;
    char *glob;
    int *classes; // ascending
    size_t class_count;
};

// Reads the comparison and the value behind `word`, when the field has them.
enum err_code rep_term_parse(const struct rep_token *word, struct rep_lexer *lexer,
                             const struct labels *labels, struct rep_term *out,
                             struct err *e) MUST_CHECK;
void rep_term_release(struct rep_term *term);

// ---- programs ----

enum rep_op { OP_TERM, OP_NOT, OP_AND, OP_OR, OP_PAREN };
struct rep_step {
    enum rep_op op;
    struct rep_term term;
};

enum { REP_FILTER_DEPTH = 64 };
struct rep_filter {
    struct rep_step *steps; // none: everything matches
    size_t count, cap;
};

#endif

// Dijkstra's shunting-yard: operators wait on a stack until one that binds less follows.
// Two terms side by side are joined by `and`.

#include "report/filter.h"

#include "base/mem.h"

#include <stdlib.h>
#include <strings.h>

struct parser {
    struct rep_filter *filter;
    struct rep_lexer lexer;
    const struct labels *labels;
    enum rep_op waiting[REP_FILTER_DEPTH];
    size_t columns[REP_FILTER_DEPTH]; // of the waiting operators
    int count;
    bool operand; // a term is expected, not an operator
};

static int binding(enum rep_op op)
{
    static const int of[] = {
        [OP_TERM] = 0, [OP_PAREN] = 0, [OP_OR] = 1, [OP_AND] = 2, [OP_NOT] = 3};
    return of[op];
}

static enum err_code emit(struct parser *parser, enum rep_op op, struct rep_term term,
                          struct err *e)
{
    struct rep_filter *filter = parser->filter;
    if (!mem_grow(&filter->steps, &filter->cap, filter->count + 1,
                  sizeof *filter->steps)) {
        rep_term_release(&term);
        return err_set(e, ERR_NOMEM, "no memory for a filter");
    }
    filter->steps[filter->count++] = (struct rep_step){op, term};
    return ERR_OK;
}

static enum err_code pop(struct parser *parser, struct err *e)
{
    return emit(parser, parser->waiting[--parser->count], (struct rep_term){0}, e);
}

static enum err_code push(struct parser *parser, enum rep_op op, size_t column,
                          struct err *e)
{
    // Each waiting operator stands for at most one value beneath it on the stack of
    // rep_filter_match, so this bounds that one, too.
    if (parser->count == REP_FILTER_DEPTH - 1)
        return err_set(
            e, ERR_USAGE,
            "filter, column %zu: nested too deeply, expected at most %d levels", column,
            REP_FILTER_DEPTH - 1);
    parser->waiting[parser->count] = op;
    parser->columns[parser->count++] = column;
    return ERR_OK;
}

static enum err_code join(struct parser *parser, enum rep_op op, size_t column,
                          struct err *e)
{
    enum err_code rc = ERR_OK;
    while (rc == ERR_OK && parser->count > 0 &&
           binding(parser->waiting[parser->count - 1]) >= binding(op))
        rc = pop(parser, e);
    parser->operand = true;
    return rc == ERR_OK ? push(parser, op, column, e) : rc;
}

static enum err_code close_paren(struct parser *parser, size_t column, struct err *e)
{
    enum err_code rc = ERR_OK;
    while (rc == ERR_OK && parser->count > 0 &&
           parser->waiting[parser->count - 1] != OP_PAREN)
        rc = pop(parser, e);
    if (rc == ERR_OK && parser->count == 0)
        return err_set(e, ERR_USAGE,
                       "filter, column %zu: ) without (, expected a term or the end",
                       column);
    parser->count--;
    return rc;
}

static bool is_word(const struct rep_token *token, const char *word)
{
    return token->kind == TOKEN_WORD && !token->quoted &&
           strcasecmp(token->text, word) == 0;
}

static enum err_code take_operand(struct parser *parser, const struct rep_token *token,
                                  struct err *e)
{
    if (token->kind == TOKEN_OPEN)
        return push(parser, OP_PAREN, token->column, e);
    if (is_word(token, "not"))
        return push(parser, OP_NOT, token->column, e);
    if (token->kind != TOKEN_WORD || is_word(token, "and") || is_word(token, "or"))
        return err_set(e, ERR_USAGE,
                       "filter, column %zu: expected a term, as in "
                       "\"wrong and conf>0.9\"",
                       token->column);
    struct rep_term term;
    enum err_code rc = rep_term_parse(token, &parser->lexer, parser->labels, &term, e);
    if (rc != ERR_OK)
        return rc;
    parser->operand = false;
    return emit(parser, OP_TERM, term, e);
}

static enum err_code take(struct parser *parser, const struct rep_token *token,
                          struct err *e)
{
    if (!parser->operand) {
        if (token->kind == TOKEN_CLOSE)
            return close_paren(parser, token->column, e);
        if (is_word(token, "or"))
            return join(parser, OP_OR, token->column, e);
        enum err_code rc = join(parser, OP_AND, token->column, e);
        if (rc != ERR_OK || is_word(token, "and"))
            return rc;
    }
    return take_operand(parser, token, e);
}

static enum err_code finish(struct parser *parser, size_t column, struct err *e)
{
    enum err_code rc = ERR_OK;
    if (parser->operand)
        return err_set(e, ERR_USAGE, "filter, column %zu: ends early, expected a term",
                       column);
    while (rc == ERR_OK && parser->count > 0) {
        if (parser->waiting[parser->count - 1] == OP_PAREN)
            return err_set(e, ERR_USAGE,
                           "filter, column %zu: ( is not closed, expected )",
                           parser->columns[parser->count - 1]);
        rc = pop(parser, e);
    }
    return rc;
}

enum err_code rep_filter_parse(const char *text, const struct labels *labels,
                               struct rep_filter **out, struct err *e)
{
    struct rep_filter *filter = mem_new(sizeof *filter);
    struct parser parser = {
        .filter = filter, .lexer = {text, text}, .labels = labels, .operand = true};
    struct rep_token token = {0};
    *out = NULL;
    enum err_code rc = ERR_OK;
    TRY(rep_lex(&parser.lexer, &token, e));
    if (token.kind == TOKEN_END)
        goto out;
    while (token.kind != TOKEN_END) {
        TRY(take(&parser, &token, e));
        free(token.text);
        token.text = NULL;
        TRY(rep_lex(&parser.lexer, &token, e));
    }
    TRY(finish(&parser, token.column, e));
out:
    free(token.text);
    if (rc != ERR_OK) {
        rep_filter_free(filter);
        filter = NULL;
    }
    *out = filter;
    return rc;
}

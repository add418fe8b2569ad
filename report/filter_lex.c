#include "report/filter.h"

#include "base/str.h"

#include <string.h>

static size_t column_of(const struct rep_lexer *lexer)
{
    size_t column = 1;
    for (const char *p = lexer->text; p < lexer->at; p++)
        column += ((unsigned char)*p & 0xc0) != 0x80;
    return column;
}

static enum err_code quoted(struct rep_lexer *lexer, struct rep_token *token,
                            struct err *e)
{
    struct str text = {0};
    char quote = *lexer->at;
    const char *p = lexer->at + 1;
    for (; *p && *p != quote; p++) {
        if (*p == '\\' && (p[1] == quote || p[1] == '\\'))
            p++;
        str_add_char(&text, *p);
    }
    if (!*p) {
        str_release(&text);
        return err_set(e, ERR_USAGE,
                       "filter, column %zu: a quote is not closed, expected another %c",
                       token->column, quote);
    }
    lexer->at = p + 1;
    token->kind = TOKEN_WORD;
    token->quoted = true;
    token->text = str_detach(&text);
    return ERR_OK;
}

static bool comparison(struct rep_lexer *lexer, struct rep_token *token)
{
    static const struct {
        const char *text;
        enum rep_compare compare;
    } all[] = {
        {"!=", CMP_NE}, {"<=", CMP_LE}, {">=", CMP_GE}, {"==", CMP_EQ},
        {"=", CMP_EQ},  {"<", CMP_LT},  {">", CMP_GT},  {"~", CMP_LIKE},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (str_starts_with(lexer->at, all[i].text)) {
            lexer->at += strlen(all[i].text);
            token->kind = TOKEN_COMPARE;
            token->compare = all[i].compare;
            return true;
        }
    return false;
}

enum err_code rep_lex(struct rep_lexer *lexer, struct rep_token *token, struct err *e)
{
    lexer->at += strspn(lexer->at, " \t\r\n");
    *token = (struct rep_token){.column = column_of(lexer)};
    char c = *lexer->at;
    if (c == '\0')
        return ERR_OK;
    if (c == '(' || c == ')') {
        token->kind = c == '(' ? TOKEN_OPEN : TOKEN_CLOSE;
        lexer->at++;
        return ERR_OK;
    }
    if (c == '"' || c == '\'')
        return quoted(lexer, token, e);
    if (comparison(lexer, token))
        return ERR_OK;
    struct str text = {0};
    // A lone '!' is no comparison and would otherwise end an empty word.
    size_t n = strcspn(lexer->at, " \t\r\n()=<>~!\"'");
    str_add_n(&text, lexer->at, n ? n : 1);
    lexer->at += n ? n : 1;
    token->kind = TOKEN_WORD;
    token->text = str_detach(&text);
    return ERR_OK;
}

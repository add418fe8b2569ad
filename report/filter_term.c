#include "report/filter.h"

#include "report/text.h"

#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum kind { FLAG, CLASSES, GLOB, SHARE, PLACE };

static const struct {
    const char *name;
    enum rep_field field;
    enum kind kind;
} fields[] = {
    {"wrong", FIELD_WRONG, FLAG},
    {"right", FIELD_RIGHT, FLAG},
    {"top5", FIELD_TOP5, FLAG},
    {"missed5", FIELD_MISSED5, FLAG},
    {"error", FIELD_ERROR, FLAG},
    {"run", FIELD_RUN, FLAG},
    {"unrun", FIELD_UNRUN, FLAG},
    {"labelled", FIELD_LABELLED, FLAG},
    {"unlabelled", FIELD_UNLABELLED, FLAG},
    {"marked", FIELD_MARKED, FLAG},
    {"class", FIELD_CLASS, CLASSES},
    {"pred", FIELD_PRED, CLASSES},
    {"file", FIELD_FILE, GLOB},
    {"conf", FIELD_CONF, SHARE},
    {"margin", FIELD_MARGIN, SHARE},
    {"rank", FIELD_RANK, PLACE},
};

// ---- classes ----

static bool same_name(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char x = a[i] == '_' ? ' ' : a[i], y = b[i] == '_' ? ' ' : b[i];
        if (tolower((unsigned char)x) != tolower((unsigned char)y))
            return false;
    }
    return true;
}

// Is `name` one of the comma-separated words, and which (0 = first)? -1: none. The whole
// line counts as the first.
static int synonym(const char *words, const char *name)
{
    size_t n = strlen(name);
    if (strlen(words) == n && same_name(words, name, n))
        return 0;
    for (int at = 0;; at++) {
        size_t len = strcspn(words, ",");
        if (len == n && same_name(words, name, n))
            return at;
        if (!words[len])
            return -1;
        words += len + 1;
        words += strspn(words, " ");
    }
}

static bool add_class(struct rep_term *term, size_t *cap, int index)
{
    if (!mem_grow(&term->classes, cap, term->class_count + 1, sizeof *term->classes))
        return false;
    term->classes[term->class_count++] = index;
    return true;
}

// All bearers of a name: by first word or whole line; only when there are none, by any of
// the further words.
static bool add_named(struct rep_term *term, size_t *cap, const struct labels *labels,
                      const char *name)
{
    for (int further = 0; further < 2 && term->class_count == 0; further++)
        for (int i = 0; i < labels_count(labels); i++) {
            int at = synonym(labels_words(labels, i), name);
            if ((further ? at >= 0 : at == 0) && !add_class(term, cap, i))
                return false;
        }
    return true;
}

static enum err_code set_classes(struct rep_term *term, const struct rep_token *value,
                                 const struct labels *labels, struct err *e)
{
    size_t cap = 0;
    long index = -1;
    int count = labels ? labels_count(labels) : 0;
    int wnid = labels ? labels_find_wnid(labels, value->text) : -1;
    bool room = true;
    if (str_to_long(value->text, &index) && index >= 0 && (!labels || index < count) &&
        index <= INT32_MAX)
        room = add_class(term, &cap, (int)index);
    else if (wnid >= 0)
        room = add_class(term, &cap, wnid);
    else if (labels)
        room = add_named(term, &cap, labels, value->text);
    if (!room)
        return err_set(e, ERR_NOMEM, "no memory for a filter");
    if (term->class_count)
        return ERR_OK;
    return err_set(e, ERR_USAGE,
                   "filter, column %zu: no class \"%s\", expected an index below %d, a "
                   "WordNet id or a name (with _ for spaces, or in quotes)",
                   value->column, value->text, count);
}

// ---- numbers ----

static enum err_code set_number(struct rep_term *term, const struct rep_token *value,
                                enum kind kind, struct err *e)
{
    const char *at = value->text;
    double number = rep_number_parse(&at);
    // Written so that NaN, no number at all, fails.
    bool fits = kind == SHARE ? number >= 0.0 && number <= 1.0
                              : number >= 1.0 && number == floor(number);
    if (*at != '\0' || !fits)
        return err_set(e, ERR_USAGE, "filter, column %zu: \"%s\", expected %s",
                       value->column, value->text,
                       kind == SHARE ? "a number from 0 to 1" : "a place, 1 = best");
    // Probabilities are float32: "conf>=0.9" is to match what is stored for 0.9.
    term->number = kind == SHARE ? (double)(float)number : number;
    return ERR_OK;
}

static bool compare_fits(enum kind kind, enum rep_compare compare)
{
    if (kind == GLOB)
        return compare == CMP_LIKE;
    if (kind == CLASSES)
        return compare == CMP_EQ || compare == CMP_NE;
    return compare != CMP_LIKE;
}

static enum err_code set_value(struct rep_term *term, enum kind kind,
                               const struct rep_token *value, const struct labels *labels,
                               struct err *e)
{
    if (kind == CLASSES)
        return set_classes(term, value, labels, e);
    if (kind != GLOB)
        return set_number(term, value, kind, e);
    term->glob = mem_dup(value->text);
    return ERR_OK;
}

enum err_code rep_term_parse(const struct rep_token *word, struct rep_lexer *lexer,
                             const struct labels *labels, struct rep_term *out,
                             struct err *e)
{
    static const char *const expected[] = {
        "", "= or !=", "~", "one of = != < <= > >=", "one of = != < <= > >="};
    size_t at = 0, known = sizeof fields / sizeof *fields;
    while (at < known && (word->quoted || strcasecmp(fields[at].name, word->text) != 0))
        at++;
    if (at == known)
        return err_set(e, ERR_USAGE,
                       "filter, column %zu: \"%s\" is no term, expected wrong right top5 "
                       "missed5 error run unrun labelled unlabelled marked class= pred= "
                       "file~ conf> margin< or rank=",
                       word->column, word->text);
    *out = (struct rep_term){.field = fields[at].field};
    enum kind kind = fields[at].kind;
    if (kind == FLAG)
        return ERR_OK;
    struct rep_token compare = {0}, value = {0};
    enum err_code rc = ERR_OK;
    TRY(rep_lex(lexer, &compare, e));
    if (compare.kind != TOKEN_COMPARE || !compare_fits(kind, compare.compare)) {
        rc = err_set(e, ERR_USAGE, "filter, column %zu: expected %s behind \"%s\"",
                     compare.column, expected[kind], word->text);
        goto out;
    }
    out->compare = compare.compare;
    TRY(rep_lex(lexer, &value, e));
    if (value.kind != TOKEN_WORD)
        rc = err_set(e, ERR_USAGE, "filter, column %zu: expected a value for \"%s\"",
                     value.column, word->text);
    else
        rc = set_value(out, kind, &value, labels, e);
out:
    free(compare.text);
    free(value.text);
    if (rc != ERR_OK)
        rep_term_release(out);
    return rc;
}

void rep_term_release(struct rep_term *term)
{
    free(term->glob);
    free(term->classes);
    *term = (struct rep_term){0};
}

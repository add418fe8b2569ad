#include "report/filter.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool same_char(char glob, char text)
{
    return glob == '?' || tolower((unsigned char)glob) == tolower((unsigned char)text);
}

// On a mismatch only the last '*' can take one character more, so this needs no recursion
// and at most (pattern × text) steps.
static bool glob_whole(const char *glob, const char *text)
{
    const char *star = NULL, *retry = NULL;
    while (*text) {
        if (*glob == '*') {
            star = ++glob;
            retry = text;
        } else if (*glob && same_char(*glob, *text)) {
            glob++;
            text++;
        } else if (star) {
            glob = star;
            text = ++retry;
        } else {
            return false;
        }
    }
    return !glob[strspn(glob, "*")];
}

// '*' is any text, '?' any character; without either the pattern may be anywhere.
static bool glob_matches(const char *glob, const char *text)
{
    return glob[strcspn(glob, "*?")] ? glob_whole(glob, text)
                                     : strcasestr(text, glob) != NULL;
}

static bool compared(double value, enum rep_compare compare, double number)
{
    switch (compare) {
    case CMP_EQ:
        return value == number;
    case CMP_NE:
        return value != number;
    case CMP_LT:
        return value < number;
    case CMP_LE:
        return value <= number;
    case CMP_GT:
        return value > number;
    case CMP_GE:
        return value >= number;
    case CMP_LIKE:
        break;
    }
    return false;
}

static bool one_of(const struct rep_term *term, int index)
{
    size_t at = 0;
    if (index < 0)
        return false; // unknown is neither equal nor different
    while (at < term->class_count && term->classes[at] != index)
        at++;
    return (at < term->class_count) == (term->compare == CMP_EQ);
}

static bool number_matches(const struct rep_term *term, const struct row *row)
{
    double value;
    if (term->field == FIELD_RANK) {
        if (!row_scored(row))
            return false;
        int rank = row_rank(row);
        value = rank < 0 ? HUGE_VAL : rank + 1.0;
    } else {
        if (!row_done(row))
            return false;
        float second =
            term->field == FIELD_MARGIN && row->count > 1 ? row->prob[1] : 0.0f;
        value = (double)(row->prob[0] - second);
    }
    return compared(value, term->compare, term->number);
}

static bool term_matches(const struct rep_term *term, const struct row *row, bool marked)
{
    switch (term->field) {
    case FIELD_WRONG:
        return row_scored(row) && !row_correct(row);
    case FIELD_RIGHT:
        return row_correct(row);
    case FIELD_TOP5:
        return row_scored(row) && row_rank(row) >= 0;
    case FIELD_MISSED5:
        return row_scored(row) && row_rank(row) < 0;
    case FIELD_ERROR:
        return row->error != NULL;
    case FIELD_RUN:
        return row_done(row);
    case FIELD_UNRUN:
        return !row_done(row) && !row->error;
    case FIELD_LABELLED:
        return row->label >= 0;
    case FIELD_UNLABELLED:
        return row->label < 0;
    case FIELD_MARKED:
        return marked;
    case FIELD_CLASS:
        return one_of(term, row->label);
    case FIELD_PRED:
        return one_of(term, row_done(row) ? row->top[0] : -1);
    case FIELD_FILE:
        return glob_matches(term->glob, row->file ? row->file : "");
    case FIELD_CONF:
    case FIELD_MARGIN:
    case FIELD_RANK:
        return number_matches(term, row);
    }
    return false;
}

bool rep_filter_match(const struct rep_filter *filter, const struct row *row, bool marked)
{
    bool stack[REP_FILTER_DEPTH] = {false};
    int n = 0;
    for (size_t i = 0; i < filter->count; i++) {
        const struct rep_step *step = &filter->steps[i];
        if (step->op == OP_TERM) {
            assert(n < REP_FILTER_DEPTH);
            stack[n++] = term_matches(&step->term, row, marked);
        } else if (step->op == OP_NOT) {
            stack[n - 1] = !stack[n - 1];
        } else {
            n--;
            stack[n - 1] =
                step->op == OP_AND ? stack[n - 1] && stack[n] : stack[n - 1] || stack[n];
        }
    }
    return n == 0 || stack[0];
}

void rep_filter_free(struct rep_filter *filter)
{
    if (!filter)
        return;
    for (size_t i = 0; i < filter->count; i++)
        rep_term_release(&filter->steps[i].term);
    free(filter->steps);
    free(filter);
}

#include "cli/opt/opt.h"

#include "base/str.h"

#include <string.h>

enum { COLUMN = 30, WIDTH = 90 };

// Words of text in the columns from `left` on, broken before WIDTH; the cursor is there.
static void wrap(const char *text, int left, FILE *out)
{
    int column = left;
    while (*text) {
        int n = (int)strcspn(text, " ");
        if (column + 1 + n > WIDTH) {
            (void)fprintf(out, "\n%*s", left, "");
            column = left;
        } else if (column > left) {
            (void)fputc(' ', out);
            column++;
        }
        (void)fprintf(out, "%.*s", n, text);
        column += n;
        text += n + (text[n] == ' ');
    }
    (void)fputc('\n', out);
}

void opt_paragraph(const char *text, FILE *out)
{
    wrap(text, 0, out);
}

void opt_help(const struct opt *rows, FILE *out)
{
    for (const struct opt *row = rows; row && row->name; row++) {
        struct str left = {0}, right = {0};
        if (row->letter)
            str_addf(&left, "  -%c, --%s", row->letter, row->name);
        else
            str_addf(&left, "      --%s", row->name);
        if (row->value)
            str_addf(&left, " %s", row->value);
        str_add(&right, row->help);
        if (row->kind == OPT_CHOICE)
            str_addf(&right, "; one of: %s", row->choices);
        if (row->required)
            str_add(&right, " (required)");
        (void)fputs(str_get(&left), out);
        if (left.len + 2 > COLUMN)
            (void)fprintf(out, "\n%*s", COLUMN, "");
        else
            (void)fprintf(out, "%*s", COLUMN - (int)left.len, "");
        wrap(str_get(&right), COLUMN, out);
        str_release(&left);
        str_release(&right);
    }
}

#include "cli/opt/opt.h"

#include "base/str.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct parse {
    const char *command;
    const struct opt_table *tables;
    char **argv;
    int next; // argument to read
    int operands;
    bool rest; // "--" was seen
    struct err *e;
};

// An option as the user wrote it, for messages.
struct found {
    const struct opt *row;
    void *field;
    const char *written;
};

static bool same_name(const char *row, const char *written, size_t n)
{
    if (strlen(row) != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        char a = row[i] == '_' ? '-' : row[i], b = written[i] == '_' ? '-' : written[i];
        if (a != b)
            return false;
    }
    return true;
}

static bool find(const struct parse *p, char letter, const char *name, size_t n,
                 struct found *out)
{
    for (int t = 0; t < 2; t++) {
        for (const struct opt *row = p->tables[t].rows; row && row->name; row++) {
            if (letter ? row->letter == letter : same_name(row->name, name, n)) {
                out->row = row;
                out->field = (char *)p->tables[t].fields + row->offset;
                return true;
            }
        }
    }
    return false;
}

// ---- values ----

static bool plain_number(const char *text)
{
    const char *p = text + (*text == '-' || *text == '+');
    return isdigit((unsigned char)*p) || *p == '.';
}

static enum err_code bad_number(const struct parse *p, const struct found *f,
                                const char *text, const char *kind)
{
    return err_set(p->e, ERR_USAGE, "%s: %s %s: expected a %s from %.10g to %.10g",
                   p->command, f->written, text, kind, f->row->min, f->row->max);
}

static enum err_code set_int(const struct parse *p, const struct found *f,
                             const char *text)
{
    long value;
    if (!plain_number(text) || !str_to_long(text, &value) ||
        (double)value < f->row->min || (double)value > f->row->max)
        return bad_number(p, f, text, "whole number");
    *(int *)f->field = (int)value;
    return ERR_OK;
}

static enum err_code set_real(const struct parse *p, const struct found *f,
                              const char *text)
{
    double value;
    const char *digits = text;
    if (f->row->kind == OPT_MARGIN) {
        static const char *const signs[] = {"\u00b1", "+/-", "+-"};
        for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
            if (str_starts_with(text, signs[i]))
                digits = text + strlen(signs[i]);
    }
    if (!plain_number(digits) || !str_to_double(digits, &value) || !isfinite(value) ||
        value < f->row->min || value > f->row->max)
        return bad_number(p, f, text, "number");
    *(double *)f->field = value;
    return ERR_OK;
}

static enum err_code set_choice(const struct parse *p, const struct found *f,
                                const char *text)
{
    size_t n = strlen(text);
    int place = 0;
    for (const char *c = f->row->choices; *c; place++) {
        size_t len = strcspn(c, " ");
        if (len == n && strncmp(c, text, n) == 0) {
            *(int *)f->field = place;
            return ERR_OK;
        }
        c += len + (c[len] == ' ');
    }
    return err_set(p->e, ERR_USAGE, "%s: %s %s: expected one of: %s", p->command,
                   f->written, text, f->row->choices);
}

static bool read_extent(const char **text, long *out)
{
    char *end;
    if (!isdigit((unsigned char)**text))
        return false;
    *out = strtol(*text, &end, 10);
    *text = end;
    return true;
}

static enum err_code set_chw(const struct parse *p, const struct found *f,
                             const char *text)
{
    long c = 0, h = 0, w = 0;
    const char *t = text + (*text == '[');
    bool good = read_extent(&t, &c) && *t++ == ',' && read_extent(&t, &h) &&
                *t++ == ',' && read_extent(&t, &w);
    good = good && strcmp(t, *text == '[' ? "]" : "") == 0;
    if (!good || c != 3 || h < 1 || w < 1 || (double)h > f->row->max ||
        (double)w > f->row->max)
        return err_set(p->e, ERR_USAGE,
                       "%s: %s %s: expected [3,H,W] with H and W from 1 to %.0f",
                       p->command, f->written, text, f->row->max);
    *(struct opt_chw *)f->field = (struct opt_chw){(int)h, (int)w};
    return ERR_OK;
}

static enum err_code set(const struct parse *p, const struct found *f, const char *text)
{
    switch (f->row->kind) {
    case OPT_FLAG:
        *(bool *)f->field = true;
        return ERR_OK;
    case OPT_TEXT:
        *(const char **)f->field = text;
        return ERR_OK;
    case OPT_INT:
        return set_int(p, f, text);
    case OPT_REAL:
    case OPT_MARGIN:
        return set_real(p, f, text);
    case OPT_CHOICE:
        return set_choice(p, f, text);
    case OPT_CHW:
        return set_chw(p, f, text);
    }
    return ERR_OK;
}

// ---- arguments ----

static enum err_code unknown(const struct parse *p, const char *written)
{
    return err_set(
        p->e, ERR_USAGE,
        "%s: %s: no such option, expected one of those in \"xlens%s%s --help\"",
        p->command, written, strcmp(p->command, "xlens") == 0 ? "" : " ",
        strcmp(p->command, "xlens") == 0 ? "" : p->command);
}

static enum err_code take_value(struct parse *p, const struct found *f)
{
    if (!p->argv[p->next])
        return err_set(p->e, ERR_USAGE, "%s: %s: no value, expected %s", p->command,
                       f->written, f->row->value);
    return set(p, f, p->argv[p->next++]);
}

static enum err_code parse_long(struct parse *p, const char *arg)
{
    size_t n = strcspn(arg + 2, "=");
    const char *value = arg[2 + n] == '=' ? arg + 3 + n : NULL;
    char written[64];
    (void)snprintf(written, sizeof written, "%.*s", (int)(n + 2), arg);
    struct found f = {.written = written};
    if (!find(p, 0, arg + 2, n, &f))
        return unknown(p, written);
    if (f.row->kind == OPT_FLAG && value)
        return err_set(p->e, ERR_USAGE, "%s: %s: takes no value", p->command, arg);
    if (f.row->kind == OPT_FLAG || value)
        return set(p, &f, value);
    return take_value(p, &f);
}

// "-qv", "-k5", "-k 5"
static enum err_code parse_letters(struct parse *p, const char *arg)
{
    for (const char *c = arg + 1; *c; c++) {
        char written[] = {'-', *c, '\0'};
        struct found f = {.written = written};
        if (!find(p, *c, NULL, 0, &f))
            return unknown(p, written);
        if (f.row->kind == OPT_FLAG) {
            *(bool *)f.field = true;
            continue;
        }
        return c[1] ? set(p, &f, c + 1) : take_value(p, &f);
    }
    return ERR_OK;
}

static enum err_code parse_one(struct parse *p)
{
    char *arg = p->argv[p->next++];
    if (p->rest || arg[0] != '-' || arg[1] == '\0') {
        p->argv[1 + p->operands++] = arg;
        return ERR_OK;
    }
    if (strcmp(arg, "--") == 0) {
        p->rest = true;
        return ERR_OK;
    }
    return arg[1] == '-' ? parse_long(p, arg) : parse_letters(p, arg);
}

enum err_code opt_parse(const char *command, const struct opt_table tables[2],
                        char **argv, int *operands, struct err *e)
{
    struct parse p = {.command = command, .tables = tables, .argv = argv, .next = 1};
    p.e = e;
    enum err_code rc = ERR_OK;
    while (rc == ERR_OK && argv[0] && argv[p.next])
        rc = parse_one(&p);
    *operands = p.operands;
    return rc;
}

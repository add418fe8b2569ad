#include "pipeline/foreign_read.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_FIELDS = 1 << 16 };

// Columns by what they hold; -1: there is none. A file is in long form (a class and its
// probability a line), in wide form (the best ones side by side) or has a column a class.
struct columns {
    int n, file, label, error, index, prob;
    int top[ROW_TOPK], probs[ROW_TOPK];
    int *class_of; // a class for each column, -1; NULL: other forms
    int classes;
    float *values;
};

static int column(char *const *names, int n, const char *const *aliases)
{
    for (; *aliases; aliases++)
        for (int i = 0; i < n; i++)
            if (strcasecmp(names[i], *aliases) == 0)
                return i;
    return -1;
}

#define COLUMN(...) column(names, n, (const char *const[]){__VA_ARGS__, NULL})

static struct columns find_columns(char *const *names, int n)
{
    struct columns c = {
        .n = n,
        .file = COLUMN("file", "path", "filename", "image"),
        .label = COLUMN("label", "label_index", "truth", "target"),
        .error = COLUMN("error"),
        .index = COLUMN("class", "index", "wnid"),
        .prob = COLUMN("prob", "probability", "score", "confidence"),
    };
    for (int k = 0; k < ROW_TOPK; k++) {
        char name[16];
        (void)snprintf(name, sizeof name, "top%d", k + 1);
        c.top[k] = COLUMN(name);
        (void)snprintf(name, sizeof name, "prob%d", k + 1);
        c.probs[k] = COLUMN(name);
    }
    return c;
}

// "logit_7", "prob_7" and "7" are class 7.
static const char *without_prefix(const char *name)
{
    static const char *const prefixes[] = {"logits_", "logit_", "prob_", "class_"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (str_starts_with(name, prefixes[i]) &&
            text_is_number(name + strlen(prefixes[i])))
            return name + strlen(prefixes[i]);
    return name;
}

static bool is_other(const struct columns *c, int i)
{
    return i == c->file || i == c->label || i == c->error;
}

static enum err_code check_complete(const struct foreign_reader *r, const bool *seen,
                                    int classes, struct err *e)
{
    for (int i = 0; i < classes; i++)
        if (!seen[i])
            return foreign_wrong(r, "expected a column for each class from 0", e);
    return classes ? ERR_OK : foreign_wrong(r, "expected columns of predictions", e);
}

static enum err_code map_classes(struct foreign_reader *r, char *const *names,
                                 struct columns *c, struct err *e)
{
    static const char *const others[] = {"label_name", NULL};
    int ignored = column(names, c->n, others);
    c->class_of = mem_array((size_t)c->n, sizeof *c->class_of);
    c->values = mem_array((size_t)c->n, sizeof *c->values);
    bool *seen = mem_array((size_t)c->n, sizeof *seen);
    enum err_code rc = ERR_OK;
    if (!c->class_of || !c->values || !seen) {
        rc = err_set(e, ERR_NOMEM, "%s: no memory for its columns", r->text.path);
        goto out;
    }
    for (int i = 0; i < c->n; i++) {
        c->class_of[i] = -1;
        if (is_other(c, i) || i == ignored)
            continue;
        TRY(foreign_class(r, without_prefix(names[i]), &c->class_of[i], e));
        if (c->class_of[i] >= c->n || seen[c->class_of[i]])
            TRY(foreign_wrong(r, "expected a column for each class, once", e));
        seen[c->class_of[i]] = true;
        c->classes++;
    }
    rc = check_complete(r, seen, c->classes, e);
out:
    free(seen);
    return rc;
}

static enum err_code add_fields(struct foreign_reader *r, const char *class,
                                const char *prob, struct err *e)
{
    int index;
    double p;
    enum err_code rc = foreign_class(r, class, &index, e);
    if (rc != ERR_OK)
        return rc;
    if (!str_to_double(prob, &p))
        return foreign_wrong(r, "expected a probability beside a class", e);
    return foreign_add(r, index, p, e);
}

static enum err_code add_vector(struct foreign_reader *r, const struct columns *c,
                                char *const *fields, struct err *e)
{
    for (int i = 0; i < c->n; i++) {
        double value;
        if (c->class_of[i] < 0)
            continue;
        if (!str_to_double(fields[i], &value))
            return foreign_wrong(r, "expected a number for each class", e);
        c->values[c->class_of[i]] = (float)value;
    }
    return foreign_add_all(r, c->values, c->classes, e);
}

static enum err_code add_best(struct foreign_reader *r, const struct columns *c,
                              char *const *fields, struct err *e)
{
    enum err_code rc = ERR_OK;
    for (int k = 0; k < ROW_TOPK && rc == ERR_OK; k++)
        if (c->top[k] >= 0 && fields[c->top[k]][0] != '\0')
            rc = add_fields(r, fields[c->top[k]],
                            c->probs[k] >= 0 ? fields[c->probs[k]] : "", e);
    return rc;
}

static enum err_code csv_record(struct foreign_reader *r, const struct columns *c,
                                char *const *fields, struct err *e)
{
    const char *file = fields[c->file];
    enum err_code rc = ERR_OK;
    if (c->index < 0 || !foreign_same(r, file))
        TRY(foreign_begin(r, file, e));
    if (c->label >= 0 && fields[c->label][0])
        TRY(foreign_class(r, fields[c->label], &r->now.row.label, e));
    if (c->error >= 0 && fields[c->error][0])
        foreign_fail(r, fields[c->error]);
    else if (c->class_of)
        rc = add_vector(r, c, fields, e);
    else if (c->index >= 0)
        rc = add_fields(r, fields[c->index], fields[c->prob], e);
    else
        rc = add_best(r, c, fields, e);
out:
    return rc;
}

static enum err_code read_records(struct foreign_reader *r, const struct columns *c,
                                  char **fields, struct err *e)
{
    enum err_code rc;
    for (;;) {
        TRY(text_fill(&r->text, e));
        int n = text_record(&r->text, fields, MAX_FIELDS, e);
        if (n <= 0)
            return n < 0 ? (e ? e->code : ERR_FORMAT) : ERR_OK;
        if (n != c->n)
            return err_set(e, ERR_FORMAT, "%s:%ld: %d fields, expected %d as above",
                           r->text.path, r->text.line, n, c->n);
        TRY(csv_record(r, c, fields, e));
    }
out:
    return rc;
}

enum err_code foreign_read_csv(struct foreign_reader *r, struct err *e)
{
    struct columns c = {0};
    char **fields = mem_array(MAX_FIELDS, sizeof *fields);
    enum err_code rc = ERR_OK;
    if (!fields)
        return err_set(e, ERR_NOMEM, "%s: no memory for its fields", r->text.path);
    int n = text_record(&r->text, fields, MAX_FIELDS, e);
    if (n < 0) {
        rc = e ? e->code : ERR_FORMAT;
        goto out;
    }
    c = find_columns(fields, n);
    if (c.file < 0 || n == MAX_FIELDS || (c.index >= 0 && c.prob < 0))
        TRY(foreign_wrong(r,
                          "expected columns file, class, prob; or file, top1 …, prob1 …; "
                          "or file and one a class",
                          e));
    if (c.index < 0 && c.top[0] < 0)
        TRY(map_classes(r, fields, &c, e));
    rc = read_records(r, &c, fields, e);
out:
    free(c.class_of);
    free(c.values);
    free(fields);
    return rc;
}

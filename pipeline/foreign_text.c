#include "pipeline/foreign.h"

#include "dataset/text.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/topk.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>

enum { MAX_FIELDS = 64, MAX_CLASS = 1 << 20 };

struct reader {
    struct text text;
    struct rowset *out;
    size_t cap;
};

static enum err_code wrong(const struct reader *r, const char *what, struct err *e)
{
    return err_set(e, ERR_FORMAT, "%s:%ld: %s", r->text.path, r->text.line, what);
}

static enum err_code new_row(struct reader *r, const char *file, struct err *e)
{
    struct rowset *set = r->out;
    if (!mem_grow(&set->rows, &r->cap, set->count + 1, sizeof *set->rows))
        return err_set(e, ERR_NOMEM, "%s: no memory for its rows", r->text.path);
    const char *name = rowset_text(set, file);
    if (!name)
        return err_set(e, ERR_NOMEM, "%s: no memory for its names", r->text.path);
    set->rows[set->count++] = (struct row){.file = name, .label = -1};
    return ERR_OK;
}

static struct row *last_row(const struct reader *r)
{
    return r->out->count ? &r->out->rows[r->out->count - 1] : NULL;
}

static void set_label(const struct reader *r, int label)
{
    struct row *row = last_row(r);
    if (row)
        row->label = label;
}

// Into the place that its probability has among the row's; the sixth best falls off.
static enum err_code add(struct reader *r, double index, double prob, struct err *e)
{
    struct row *row = last_row(r);
    if (!(index >= 0 && index < MAX_CLASS && index == floor(index)))
        return wrong(r, "expected a class index from 0", e);
    if (!(prob >= 0 && prob <= 1.0001))
        return wrong(r, "expected a probability from 0 to 1", e);
    int at = row->count;
    while (at > 0 && (double)row->prob[at - 1] < prob)
        at--;
    if (at == ROW_TOPK)
        return ERR_OK;
    if (row->count < ROW_TOPK)
        row->count++;
    for (int i = row->count - 1; i > at; i--) {
        row->top[i] = row->top[i - 1];
        row->prob[i] = row->prob[i - 1];
    }
    row->top[at] = (int)index;
    row->prob[at] = (float)prob;
    return ERR_OK;
}

// ---- Relay text ----

static char *last_of(char *line, const char *what)
{
    char *found = NULL;
    for (char *at = line; (at = strstr(at, what)); at++)
        found = at;
    return found;
}

static enum err_code relay_line(struct reader *r, char *line, struct err *e)
{
    char *end, *relay = last_of(line, ": Relay top-");
    if (!relay)
        return wrong(r, "expected \"PATH: Relay top-K id: N, prob: P, class name: NAME\"",
                     e);
    *relay = '\0';
    long k = strtol(relay + strlen(": Relay top-"), &end, 10);
    if (!str_starts_with(end, " id: "))
        return wrong(r, "expected \"id: N\" behind \"Relay top-K\"", e);
    long index = strtol(end + strlen(" id: "), &end, 10);
    if (!str_starts_with(end, ", prob: "))
        return wrong(r, "expected \", prob: P\" behind the id", e);
    char *number = end + strlen(", prob: ");
    number[strcspn(number, ",")] = '\0';
    double prob;
    if (!str_to_double(number, &prob))
        return wrong(r, "expected a number behind \"prob: \"", e);
    const struct row *row = last_row(r);
    enum err_code rc = ERR_OK;
    if (k == 0 || !row || strcmp(row->file, line) != 0)
        rc = new_row(r, line, e);
    else if (k != row->count)
        return wrong(r, "expected ranks 0, 1, 2, … of each file", e);
    if (rc != ERR_OK)
        return rc;
    struct row *now = last_row(r);
    if (k < 0 || k >= ROW_TOPK || index < 0 || index >= MAX_CLASS)
        return wrong(r, "a rank or a class that cannot be", e);
    // In the order of the file: networks without a softmax print what they emit.
    now->top[now->count] = (int)index;
    now->prob[now->count++] = (float)prob;
    return ERR_OK;
}

static enum err_code read_relay(struct reader *r, struct err *e)
{
    enum err_code rc = ERR_OK;
    for (char *line; rc == ERR_OK && (line = text_line(&r->text));)
        if (*line)
            rc = relay_line(r, line, e);
    return rc;
}

// ---- csv ----

struct columns {
    int file, label, index, prob;
    int top[ROW_TOPK], probs[ROW_TOPK];
};

static int column(char *const *names, int n, const char *a, const char *b)
{
    for (int i = 0; i < n; i++)
        if (strcasecmp(names[i], a) == 0 || (b && strcasecmp(names[i], b) == 0))
            return i;
    return -1;
}

static struct columns find_columns(char *const *names, int n)
{
    struct columns c = {
        .file = column(names, n, "file", "path"),
        .label = column(names, n, "label", NULL),
        .index = column(names, n, "class", "index"),
        .prob = column(names, n, "prob", "probability"),
    };
    for (int k = 0; k < ROW_TOPK; k++) {
        char name[16];
        (void)snprintf(name, sizeof name, "top%d", k + 1);
        c.top[k] = column(names, n, name, NULL);
        (void)snprintf(name, sizeof name, "prob%d", k + 1);
        c.probs[k] = column(names, n, name, NULL);
    }
    return c;
}

static enum err_code add_fields(struct reader *r, const char *index, const char *prob,
                                struct err *e)
{
    double i, p;
    if (!str_to_double(index, &i) || !str_to_double(prob, &p))
        return wrong(r, "expected a class index and a probability", e);
    return add(r, i, p, e);
}

static enum err_code take_label(struct reader *r, const char *field, struct err *e)
{
    long label;
    if (!field[0])
        return ERR_OK;
    if (!str_to_long(field, &label) || label < 0 || label >= MAX_CLASS)
        return wrong(r, "expected a class index as label", e);
    set_label(r, (int)label);
    return ERR_OK;
}

static enum err_code csv_record(struct reader *r, const struct columns *c,
                                char *const *fields, struct err *e)
{
    const struct row *row = last_row(r);
    const char *file = fields[c->file];
    enum err_code rc = ERR_OK;
    if (c->index < 0 || !row || strcmp(row->file, file) != 0)
        TRY(new_row(r, file, e));
    if (c->label >= 0)
        TRY(take_label(r, fields[c->label], e));
    if (c->index >= 0)
        TRY(add_fields(r, fields[c->index], fields[c->prob], e));
    for (int k = 0; k < ROW_TOPK && c->index < 0; k++)
        if (c->top[k] >= 0 && fields[c->top[k]][0] != '\0')
            TRY(add_fields(r, fields[c->top[k]],
                           c->probs[k] >= 0 ? fields[c->probs[k]] : "", e));
out:
    return rc;
}

static enum err_code read_csv(struct reader *r, struct err *e)
{
    char *fields[MAX_FIELDS];
    int columns = text_record(&r->text, fields, MAX_FIELDS, e);
    if (columns < 0)
        return e ? e->code : ERR_FORMAT;
    struct columns c = find_columns(fields, columns);
    if (c.file < 0 || (c.index < 0 && c.top[0] < 0) || (c.index >= 0 && c.prob < 0))
        return wrong(r, "expected columns file, class, prob or file, top1 …, prob1 …", e);
    for (;;) {
        int n = text_record(&r->text, fields, MAX_FIELDS, e);
        if (n <= 0)
            return n < 0 ? (e ? e->code : ERR_FORMAT) : ERR_OK;
        if (n != columns)
            return wrong(r, "expected as many fields as there are columns", e);
        enum err_code rc = csv_record(r, &c, fields, e);
        if (rc != ERR_OK)
            return rc;
    }
}

// ---- jsonl ----

static double number_of(const cJSON *object, const char *a, const char *b)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, a);
    if (!item)
        item = cJSON_GetObjectItemCaseSensitive(object, b);
    return cJSON_IsNumber(item) ? item->valuedouble : (double)NAN;
}

static enum err_code add_logits(struct reader *r, const cJSON *array, struct err *e)
{
    struct topk best[ROW_TOPK];
    int n = cJSON_GetArraySize(array), i = 0;
    float *values = mem_array((size_t)n, sizeof *values);
    enum err_code rc = ERR_OK;
    if (!values)
        return err_set(e, ERR_NOMEM, "%s: no memory for %d classes", r->text.path, n);
    for (const cJSON *item = array->child; item; item = item->next, i++) {
        values[i] = cJSON_IsNumber(item) ? (float)item->valuedouble : NAN;
        if (!isfinite(values[i]))
            TRY(wrong(r, "expected numbers in logits", e));
    }
    int k = topk_softmax(values, n, ROW_TOPK, best);
    for (i = 0; i < k; i++)
        TRY(add(r, best[i].index, (double)best[i].prob, e));
out:
    free(values);
    return rc;
}

static enum err_code json_object(struct reader *r, const cJSON *object, struct err *e)
{
    const char *file =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, "file"));
    const cJSON *topk = cJSON_GetObjectItemCaseSensitive(object, "topk");
    const cJSON *logits = cJSON_GetObjectItemCaseSensitive(object, "logits");
    double label = number_of(object, "label", "label");
    const struct row *row = last_row(r);
    enum err_code rc = ERR_OK;
    if (!file)
        return wrong(r, "expected an object with file", e);
    bool alone = cJSON_IsArray(topk) || cJSON_IsArray(logits);
    if (alone || !row || strcmp(row->file, file) != 0)
        TRY(new_row(r, file, e));
    if (label >= 0 && label < MAX_CLASS)
        set_label(r, (int)label);
    if (cJSON_IsArray(logits))
        return add_logits(r, logits, e);
    if (!cJSON_IsArray(topk))
        return add(r, number_of(object, "class", "index"),
                   number_of(object, "prob", "probability"), e);
    for (const cJSON *item = topk->child; item; item = item->next)
        TRY(add(r, number_of(item, "index", "class"),
                number_of(item, "prob", "probability"), e));
out:
    return rc;
}

static enum err_code read_jsonl(struct reader *r, struct err *e)
{
    enum err_code rc = ERR_OK;
    for (char *line; rc == ERR_OK && (line = text_line(&r->text));) {
        if (*text_trim(line) == '\0')
            continue;
        cJSON *object = cJSON_Parse(line);
        rc = cJSON_IsObject(object) ? json_object(r, object, e)
                                    : wrong(r, "no JSON object", e);
        cJSON_Delete(object);
    }
    return rc;
}

enum err_code foreign_text(const char *path, struct rowset *out, struct err *e)
{
    struct reader r = {.out = out};
    *out = (struct rowset){0};
    enum err_code rc = text_open(&r.text, path, TEXT_MAX_BYTES, e);
    if (rc != ERR_OK)
        return rc;
    const char *first = r.text.at ? r.text.at : "";
    size_t n = r.text.at ? text_peek(&r.text) : 0;
    if (first[strspn(first, " \t\r\n")] == '{')
        rc = read_jsonl(&r, e);
    else if (memmem(first, n, ": Relay top-", strlen(": Relay top-")))
        rc = read_relay(&r, e);
    else
        rc = read_csv(&r, e);
    if (rc == ERR_OK && out->count == 0)
        rc = err_set(e, ERR_FORMAT, "%s: holds no prediction", path);
    text_close(&r.text);
    if (rc != ERR_OK)
        rowset_release(out);
    return rc;
}

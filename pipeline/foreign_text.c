#include "pipeline/foreign_read.h"

#include "base/mem.h"
#include "base/str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum err_code foreign_wrong(const struct foreign_reader *r, const char *what,
                            struct err *e)
{
    return err_set(e, ERR_FORMAT, "%s:%ld: %s", r->text.path, r->text.line, what);
}

// ---- a picture ----

static enum err_code hand_over(struct foreign_reader *r, struct err *e)
{
    return r->now.row.file ? r->fn(r->ctx, &r->now, e) : ERR_OK;
}

enum err_code foreign_begin(struct foreign_reader *r, const char *file, struct err *e)
{
    if (!file[0])
        return foreign_wrong(r, "expected the name of a file", e);
    enum err_code rc = hand_over(r, e);
    free(r->file);
    free(r->error);
    r->file = mem_dup(file);
    r->error = NULL;
    r->now = (struct foreign_found){.row = {.file = r->file, .label = -1},
                                    .line = r->text.line};
    r->pictures++;
    return rc;
}

bool foreign_same(const struct foreign_reader *r, const char *file)
{
    return r->now.row.file && strcmp(r->now.row.file, file) == 0;
}

// The sixth best falls off.
enum err_code foreign_add(struct foreign_reader *r, int index, double prob, struct err *e)
{
    struct row *row = &r->now.row;
    if (index < 0 || index >= FOREIGN_CLASS_MAX)
        return foreign_wrong(r, "expected a class index from 0", e);
    if (!(prob >= 0 && prob <= 1.0001))
        return foreign_wrong(r, "expected a probability from 0 to 1", e);
    for (int i = 0; i < row->count; i++)
        if (row->top[i] == index)
            return foreign_wrong(r, "a class that the picture has already", e);
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
    row->top[at] = index;
    row->prob[at] = prob > 1 ? 1.0f : (float)prob;
    return ERR_OK;
}

enum err_code foreign_add_all(struct foreign_reader *r, const float *values, int n,
                              struct err *e)
{
    for (int i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return foreign_wrong(r, "expected finite numbers for all classes", e);
    foreign_best(values, n, &r->now.row);
    r->now.classes = n;
    return ERR_OK;
}

void foreign_fail(struct foreign_reader *r, const char *error)
{
    free(r->error);
    r->error = mem_dup(error);
    r->now.row.error = r->error;
    r->now.row.count = 0;
}

static enum err_code find_named(const struct foreign_reader *r, const char *text,
                                int *index, struct err *e)
{
    *index = labels_find_wnid(r->labels, text);
    if (*index < 0)
        *index = labels_find_name(r->labels, text);
    if (*index >= 0)
        return ERR_OK;
    return err_set(e, ERR_FORMAT,
                   "%s:%ld: %s: %s, expected an index, a WordNet id or a name of the %d",
                   r->text.path, r->text.line, text,
                   *index == -2 ? "several classes bear the name" : "no such class",
                   labels_count(r->labels));
}

enum err_code foreign_class(struct foreign_reader *r, const char *text, int *index,
                            struct err *e)
{
    long number;
    if (text_is_number(text) && str_to_long(text, &number)) {
        *index = number < FOREIGN_CLASS_MAX ? (int)number : -1;
        return *index >= 0 ? ERR_OK
                           : foreign_wrong(r, "expected a class index from 0", e);
    }
    ptrdiff_t known = lookup_find(&r->names, text);
    if (known >= 0) {
        *index = r->classes[known];
        return ERR_OK;
    }
    enum err_code rc = find_named(r, text, index, e);
    if (rc != ERR_OK)
        return rc;
    if (!mem_grow(&r->classes, &r->class_cap, r->names.count + 1, sizeof *r->classes) ||
        !lookup_add(&r->names, text))
        return err_set(e, ERR_NOMEM, "%s: no memory for its classes", r->text.path);
    r->classes[r->names.count - 1] = *index;
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

static enum err_code relay_line(struct foreign_reader *r, char *line, struct err *e)
{
    char *end, *relay = last_of(line, ": Relay top-");
    if (!relay)
        return foreign_wrong(
            r, "expected \"PATH: Relay top-K id: N, prob: P, class name: NAME\"", e);
    *relay = '\0';
    long k = strtol(relay + strlen(": Relay top-"), &end, 10);
    if (!str_starts_with(end, " id: "))
        return foreign_wrong(r, "expected \"id: N\" behind \"Relay top-K\"", e);
    long index = strtol(end + strlen(" id: "), &end, 10);
    if (!str_starts_with(end, ", prob: "))
        return foreign_wrong(r, "expected \", prob: P\" behind the id", e);
    char *number = end + strlen(", prob: ");
    number[strcspn(number, ",")] = '\0';
    double prob;
    if (!str_to_double(number, &prob) || !isfinite(prob))
        return foreign_wrong(r, "expected a number behind \"prob: \"", e);
    struct row *row = &r->now.row;
    enum err_code rc = ERR_OK;
    if (k == 0 || !foreign_same(r, line))
        rc = foreign_begin(r, line, e);
    if (rc != ERR_OK)
        return rc;
    if (k != row->count)
        return foreign_wrong(r, "expected ranks 0, 1, 2, … of each file", e);
    if (k < 0 || k >= ROW_TOPK || index < 0 || index >= FOREIGN_CLASS_MAX)
        return foreign_wrong(r, "a rank or a class that cannot be", e);
    // In the order of the file: networks without a softmax print what they emit.
    row->top[row->count] = (int)index;
    row->prob[row->count++] = (float)prob;
    return ERR_OK;
}

static enum err_code read_relay(struct foreign_reader *r, struct err *e)
{
    enum err_code rc = ERR_OK;
    for (char *line; rc == ERR_OK;) {
        TRY(text_fill(&r->text, e));
        if (!(line = text_line(&r->text)))
            break;
        if (*line)
            rc = relay_line(r, line, e);
    }
out:
    return rc;
}

// ---- files ----

enum err_code foreign_each(const char *path, const struct labels *labels, foreign_fn *fn,
                           void *ctx, struct err *e)
{
    struct foreign_reader r = {
        .labels = labels ? labels : labels_imagenet(), .fn = fn, .ctx = ctx};
    enum err_code rc = text_open_pieces(&r.text, path, e);
    if (rc != ERR_OK)
        return rc;
    const char *first = r.text.at;
    if (first[strspn(first, " \t\r\n")] == '{')
        TRY(foreign_read_jsonl(&r, e));
    else if (memmem(first, text_peek(&r.text), ": Relay top-", strlen(": Relay top-")))
        TRY(read_relay(&r, e));
    else
        TRY(foreign_read_csv(&r, e));
    TRY(hand_over(&r, e));
    if (r.pictures == 0)
        rc = err_set(e, ERR_FORMAT, "%s: holds no prediction", path);
out:
    text_close(&r.text);
    lookup_release(&r.names);
    free(r.classes);
    free(r.file);
    free(r.error);
    return rc;
}

struct gathering {
    struct rowset *out;
    size_t cap;
};

static enum err_code gather(void *ctx, const struct foreign_found *found, struct err *e)
{
    struct gathering *g = ctx;
    struct rowset *set = g->out;
    struct row row = found->row;
    row.error = NULL;
    if (!mem_grow(&set->rows, &g->cap, set->count + 1, sizeof *set->rows) ||
        !(row.file = rowset_text(set, row.file)))
        return err_set(e, ERR_NOMEM, "no memory for the rows");
    set->rows[set->count++] = row;
    return ERR_OK;
}

enum err_code foreign_text(const char *path, struct rowset *out, struct err *e)
{
    struct gathering g = {.out = out};
    *out = (struct rowset){0};
    enum err_code rc = foreign_each(path, NULL, gather, &g, e);
    if (rc != ERR_OK)
        rowset_release(out);
    return rc;
}

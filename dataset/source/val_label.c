#include "dataset/source/set.h"
#include "dataset/text.h"

#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// One line; name is NULL when the line is an index alone.
struct entry {
    const char *name;
    int label;
    long line;
    bool used; // some item bears the name
};

struct table {
    struct text text;
    struct entry *entries;
    size_t count, cap;
};

static void table_release(struct table *table)
{
    free(table->entries);
    text_close(&table->text);
}

static enum err_code read_label(const struct table *table, const char *token,
                                const struct ds_opts *opts, int *label, struct err *e)
{
    long number;
    const char *path = table->text.path;
    int first = set_first_class(opts), classes = labels_count(set_labels(opts)) - first;
    bool valid = text_is_number(token) && str_to_long(token, &number);
    if (!valid)
        return err_set(e, ERR_FORMAT, "%s:%ld: \"%.60s\", expected FILE INDEX or INDEX",
                       path, table->text.line, token);
    if (opts->ilsvrc_order) {
        *label = labels_from_ilsvrc(number);
        if (*label < 0)
            return err_set(e, ERR_FORMAT,
                           "%s:%ld: id %ld, expected an ILSVRC2012 id from 1 to 1000",
                           path, table->text.line, number);
        *label += first;
        return ERR_OK;
    }
    if (number >= classes)
        return err_set(
            e, ERR_FORMAT,
            "%s:%ld: class %ld, expected 0 to %d (the devkit's ids from 1 need "
            "--label-order ilsvrc)",
            path, table->text.line, number, classes - 1);
    *label = (int)number + first;
    return ERR_OK;
}

static enum err_code add_entry(struct table *table, char *line,
                               const struct ds_opts *opts, struct err *e)
{
    size_t at = strlen(line);
    while (at && !isspace((unsigned char)line[at - 1]))
        at--;
    struct entry entry = {NULL, -1, table->text.line, false};
    enum err_code rc = read_label(table, line + at, opts, &entry.label, e);
    if (rc != ERR_OK)
        return rc;
    if (at) {
        line[at - 1] = '\0';
        entry.name = str_basename(text_trim(line));
    }
    if (table->count && !entry.name != !table->entries[0].name)
        return err_set(e, ERR_FORMAT, "%s:%ld: expected %s as on the lines before",
                       table->text.path, entry.line,
                       entry.name ? "INDEX alone" : "FILE INDEX");
    if (!mem_grow(&table->entries, &table->cap, table->count + 1, sizeof entry))
        return err_set(e, ERR_NOMEM, "%s: no memory for its lines", table->text.path);
    table->entries[table->count++] = entry;
    return ERR_OK;
}

static int by_name(const void *a, const void *b)
{
    const struct entry *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    return order ? order : (left->line > right->line) - (left->line < right->line);
}

static enum err_code read_table(struct table *table, const struct ds_opts *opts,
                                struct err *e)
{
    for (char *line; (line = text_line(&table->text));) {
        line = text_trim(line);
        enum err_code rc = *line ? add_entry(table, line, opts, e) : ERR_OK;
        if (rc != ERR_OK)
            return rc;
    }
    if (table->count == 0)
        return err_set(e, ERR_FORMAT, "%s: empty, expected lines FILE INDEX or INDEX",
                       table->text.path);
    struct entry *entries = table->entries;
    if (!entries[0].name)
        return ERR_OK;
    qsort(entries, table->count, sizeof *entries, by_name);
    for (size_t i = 1; i < table->count; i++)
        if (strcmp(entries[i - 1].name, entries[i].name) == 0)
            return err_set(e, ERR_FORMAT, "%s:%ld: %s is named on line %ld already",
                           table->text.path, entries[i].line, entries[i].name,
                           entries[i - 1].line);
    return ERR_OK;
}

static int compare_name(const void *key, const void *element)
{
    return strcmp(key, ((const struct entry *)element)->name);
}

// The same for a name without its suffix. Those with one stem lie together, as '.' is
// compared like any other character.
static int compare_stem(const void *key, const void *element)
{
    const char *stem = key, *name = ((const struct entry *)element)->name;
    size_t n = str_stem_len(stem);
    int order = strncmp(stem, name, n);
    return order ? order : '.' - (unsigned char)name[n];
}

static struct entry *find_entry(const struct table *table, const char *name)
{
    struct entry *all = table->entries;
    struct entry *entry = bsearch(name, all, table->count, sizeof *all, compare_name);
    if (entry)
        return entry;
    entry = bsearch(name, all, table->count, sizeof *all, compare_stem);
    return entry && str_stem_len(entry->name) == str_stem_len(name) ? entry : NULL;
}

static void label_by_name(struct ds *ds, const struct table *table, size_t *matched)
{
    for (size_t i = 0; i < ds->count; i++) {
        struct entry *entry = find_entry(table, str_basename(ds->items[i].name));
        if (entry) {
            entry->used = true;
            ds->items[i].label = entry->label;
            ++*matched;
        }
    }
}

// Lines without names: by the number in the official names, so that a part of the 50,000
// pictures works; else by sorted position, which is sound only when the counts agree.
static enum err_code label_by_line(struct ds *ds, const struct table *table,
                                   size_t *matched, struct err *e)
{
    bool numbered = true;
    for (size_t i = 0; i < ds->count; i++) {
        size_t number = labels_val_number(ds->items[i].name);
        numbered &= number >= 1 && number <= table->count;
    }
    if (!numbered && ds->count != table->count)
        return err_set(e, ERR_FORMAT, "%s: %zu labels for %zu pictures", table->text.path,
                       table->count, ds->count);
    for (size_t i = 0; i < ds->count; i++) {
        struct entry *entry =
            &table->entries[numbered ? labels_val_number(ds->items[i].name) - 1 : i];
        entry->used = true;
        ds->items[i].label = entry->label;
    }
    *matched = ds->count;
    return ERR_OK;
}

// What lines say that no item uses; a line without a name is of the picture with its
// number.
static void tell_missing(const struct table *table, const struct ds_label_watch *watch)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct entry *entry = &table->entries[i];
        char numbered[64];
        (void)snprintf(numbered, sizeof numbered, "ILSVRC2012_val_%08ld.JPEG",
                       entry->line);
        if (!entry->used)
            watch->missing(watch->ctx, entry->name ? entry->name : numbered);
    }
}

static enum err_code apply(struct ds *ds, const char *path, const struct ds_opts *opts,
                           const struct ds_label_watch *watch, size_t *matched,
                           struct err *e)
{
    struct table table = {0};
    enum err_code rc = ERR_OK;
    TRY(text_open(&table.text, path, TEXT_MAX_BYTES, e));
    TRY(read_table(&table, opts, e));
    if (table.entries[0].name)
        label_by_name(ds, &table, matched);
    else
        TRY(label_by_line(ds, &table, matched, e));
    if (watch && *matched)
        tell_missing(&table, watch);
out:
    table_release(&table);
    return rc;
}

enum err_code set_apply_val_label(struct ds *ds, const char *path,
                                  const struct ds_opts *opts, size_t *matched,
                                  struct err *e)
{
    return apply(ds, path, opts, NULL, matched, e);
}

enum err_code ds_label_from(struct ds *ds, const char *path, const struct ds_opts *opts,
                            const struct ds_label_watch *watch, struct err *e)
{
    size_t matched = 0;
    for (size_t i = 0; i < ds->count; i++)
        ds->items[i].label = -1;
    enum err_code rc = apply(ds, path, opts, watch, &matched, e);
    if (rc == ERR_OK && matched == 0)
        rc =
            err_set(e, ERR_FORMAT, "%s: names none of the %zu pictures", path, ds->count);
    ds->labelled = matched;
    return rc;
}

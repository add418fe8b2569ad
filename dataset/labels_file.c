#include "dataset/labels.h"

#include "dataset/text.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>

enum {
    FILE_MAX_BYTES = 64 << 20,
    MAX_CLASSES = 1 << 20,
    MAX_FIELDS = 64,
};

// What has been read so far; the strings are borrowed from the text or the JSON tree.
struct draft {
    const char *path;
    long line;                   // being read
    const char **names, **wnids; // by class index, NULL where nothing is known
    size_t name_cap, wnid_cap;
    int count;
};

static void draft_release(struct draft *draft)
{
    free(draft->names);
    free(draft->wnids);
}

static enum err_code draft_put(struct draft *draft, long index, const char *name,
                               const char *wnid, struct err *e)
{
    if (index < 0 || index >= MAX_CLASSES)
        return err_set(e, ERR_FORMAT, "%s:%ld: class index %ld, expected 0 to %d",
                       draft->path, draft->line, index, MAX_CLASSES - 1);
    size_t need = (size_t)index + 1;
    if (!mem_grow(&draft->names, &draft->name_cap, need, sizeof *draft->names) ||
        !mem_grow(&draft->wnids, &draft->wnid_cap, need, sizeof *draft->wnids))
        return err_set(e, ERR_NOMEM, "%s: no memory for %zu classes", draft->path, need);
    for (; draft->count < (int)need; draft->count++)
        draft->names[draft->count] = draft->wnids[draft->count] = NULL;
    if (draft->names[index] || draft->wnids[index])
        return err_set(e, ERR_FORMAT, "%s:%ld: class %ld is named twice", draft->path,
                       draft->line, index);
    draft->names[index] = name;
    draft->wnids[index] = wnid;
    return ERR_OK;
}

static bool is_devkit_order(const struct draft *draft)
{
    for (int i = 0; i < draft->count; i++) {
        const char *wnid = draft->wnids[i];
        int index = labels_from_ilsvrc(i + 1);
        if (!wnid || index < 0 ||
            strcmp(labels_wnid(labels_imagenet(), index), wnid) != 0)
            return false;
    }
    return draft->count > 1;
}

// A file that names every class; a hole, or the devkit's order, is refused.
static enum err_code draft_check(const struct draft *draft, struct err *e)
{
    if (draft->count == 0)
        return err_set(e, ERR_FORMAT, "%s: no class in it", draft->path);
    for (int i = 0; i < draft->count; i++)
        if (!draft->names[i] && !draft->wnids[i])
            return err_set(e, ERR_FORMAT,
                           "%s: class %d is missing, expected every index from 0 to %d",
                           draft->path, i, draft->count - 1);
    if (is_devkit_order(draft))
        return err_set(e, ERR_FORMAT,
                       "%s: classes are in the order of the devkit's ILSVRC2012 ids, "
                       "expected the order of sorted WordNet ids",
                       draft->path);
    return ERR_OK;
}

// A class known by its WordNet id alone takes the built-in words.
static void draft_fill_words(struct draft *draft)
{
    const struct labels *imagenet = labels_imagenet();
    for (int i = 0; i < draft->count; i++) {
        if (draft->names[i])
            continue;
        int known = labels_find_wnid(imagenet, draft->wnids[i]);
        draft->names[i] = known >= 0 ? labels_words(imagenet, known) : draft->wnids[i];
    }
}

// ["n01440764", "tench"] or "tench, Tinca tinca".
static enum err_code put_json_class(struct draft *draft, const cJSON *item, struct err *e)
{
    long index;
    if (!text_is_number(item->string) || !str_to_long(item->string, &index))
        return err_set(e, ERR_FORMAT, "%s: key \"%.40s\", expected a class index",
                       draft->path, item->string);
    if (cJSON_IsString(item))
        return draft_put(draft, index, item->valuestring, NULL, e);
    const cJSON *wnid = cJSON_GetArrayItem(item, 0), *name = cJSON_GetArrayItem(item, 1);
    if (!cJSON_IsArray(item) || !cJSON_IsString(wnid) || !cJSON_IsString(name))
        return err_set(e, ERR_FORMAT,
                       "%s: class %ld, expected [\"WordNet id\", \"name\"] or \"name\"",
                       draft->path, index);
    return draft_put(draft, index, name->valuestring, wnid->valuestring, e);
}

// This kind of file is found with the same name in two orders, so the order is proven.
static enum err_code check_json_order(const struct draft *draft, struct err *e)
{
    if (draft->count > 1 && !draft->names[0])
        return err_set(e, ERR_FORMAT,
                       "%s: keys begin at 1, as in the devkit's class order (ILSVRC2012 "
                       "ids), expected 0 to %d in the order of sorted WordNet ids",
                       draft->path, draft->count - 2);
    for (int i = 1; i < draft->count; i++) {
        const char *before = draft->wnids[i - 1], *wnid = draft->wnids[i];
        if (before && wnid && strcmp(before, wnid) >= 0)
            return err_set(e, ERR_FORMAT,
                           "%s: class %d (%.20s) follows %.20s: another class order (the "
                           "devkit's?), expected the order of sorted WordNet ids",
                           draft->path, i, wnid, before);
    }
    return ERR_OK;
}

static enum err_code read_json(struct text *text, struct labels **out, struct err *e)
{
    const char *end = NULL;
    struct draft draft = {.path = text->path};
    cJSON *root = cJSON_ParseWithOpts(text->at, &end, true);
    enum err_code rc = ERR_OK;
    if (!cJSON_IsObject(root))
        TRY(err_set(e, ERR_FORMAT,
                    "%s: not JSON from byte %td on, expected {\"0\": [\"WordNet id\", "
                    "\"name\"], …}",
                    text->path, end ? end - text->data : (ptrdiff_t)0));
    for (const cJSON *item = root->child; item; item = item->next) {
        draft.line++; // the parser keeps no lines: the number of the entry
        TRY(put_json_class(&draft, item, e));
    }
    TRY(check_json_order(&draft, e));
    TRY(draft_check(&draft, e));
    *out = labels_new(draft.names, draft.wnids, draft.count);
out:
    draft_release(&draft);
    cJSON_Delete(root);
    return rc;
}

static int find_column(char *const *fields, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcasecmp(fields[i], name) == 0)
            return i;
    return -1;
}

struct columns {
    int index, wnid, name;
};

static struct columns find_columns(char **fields, int n)
{
    static const char *const name_columns[] = {"words", "name", "label", "class",
                                               "keras_name"};
    for (int i = 0; i < n; i++)
        fields[i] = text_trim(fields[i]);
    struct columns columns = {find_column(fields, n, "index"),
                              find_column(fields, n, "wnid"), -1};
    for (size_t i = 0; i < sizeof name_columns / sizeof *name_columns; i++)
        if (columns.name < 0)
            columns.name = find_column(fields, n, name_columns[i]);
    return columns;
}

static const char *cell(char **fields, int n, int column)
{
    if (column < 0 || column >= n)
        return NULL;
    const char *text = text_trim(fields[column]);
    return *text ? text : NULL;
}

static enum err_code read_csv_class(struct draft *draft, const struct columns *columns,
                                    char **fields, int n, struct err *e)
{
    const char *index_text = cell(fields, n, columns->index);
    const char *wnid = cell(fields, n, columns->wnid);
    const char *name = cell(fields, n, columns->name);
    long index;
    if (!index_text || !text_is_number(index_text) || !str_to_long(index_text, &index))
        return err_set(e, ERR_FORMAT, "%s:%ld: index \"%.40s\", expected a number",
                       draft->path, draft->line, index_text ? index_text : "");
    if (!wnid && !name)
        return err_set(e, ERR_FORMAT, "%s:%ld: class %ld has no name", draft->path,
                       draft->line, index);
    return draft_put(draft, index, name, wnid, e);
}

static enum err_code read_csv(struct text *text, struct labels **out, struct err *e)
{
    struct draft draft = {.path = text->path};
    char *fields[MAX_FIELDS];
    enum err_code rc = ERR_OK;
    int n = text_record(text, fields, MAX_FIELDS, e);
    if (n < 0)
        return ERR_FORMAT;
    struct columns columns = find_columns(fields, n);
    if (columns.wnid < 0 && columns.name < 0)
        return err_set(e, ERR_FORMAT,
                       "%s:1: columns index and no other, expected wnid or name too",
                       text->path);
    while ((n = text_record(text, fields, MAX_FIELDS, e)) > 0) {
        draft.line = text->line;
        TRY(read_csv_class(&draft, &columns, fields, n, e));
    }
    if (n < 0)
        TRY(ERR_FORMAT);
    TRY(draft_check(&draft, e));
    draft_fill_words(&draft);
    *out = labels_new(draft.names, columns.wnid >= 0 ? draft.wnids : NULL, draft.count);
out:
    draft_release(&draft);
    return rc;
}

// "n01440764 tench, Tinca tinca", or the id alone.
static enum err_code put_synset(struct draft *draft, char *line, struct err *e)
{
    if (!text_is_wnid(line) || (line[9] != '\0' && line[9] != ' ' && line[9] != '\t'))
        return err_set(e, ERR_FORMAT,
                       "%s:%ld: \"%.40s\", expected a WordNet id as on the first line",
                       draft->path, draft->line, line);
    char *name = line[9] ? text_trim(line + 10) : NULL;
    line[9] = '\0';
    return draft_put(draft, draft->count, name && *name ? name : NULL, line, e);
}

static enum err_code read_lines(struct text *text, struct labels **out, struct err *e)
{
    struct draft draft = {.path = text->path};
    enum err_code rc = ERR_OK;
    bool synsets = text_is_wnid(text->at) && strchr(" \t\r\n", text->at[9]);
    long blank = 0;
    for (char *line; (line = text_line(text));) {
        line = text_trim(line);
        draft.line = text->line;
        if (*line == '\0') {
            blank = blank ? blank : text->line;
            continue;
        }
        if (blank)
            TRY(err_set(e, ERR_FORMAT, "%s:%ld: empty, expected a class name", text->path,
                        blank));
        TRY(synsets ? put_synset(&draft, line, e)
                    : draft_put(&draft, draft.count, line, NULL, e));
    }
    TRY(draft_check(&draft, e));
    if (synsets)
        draft_fill_words(&draft);
    *out = labels_new(draft.names, synsets ? draft.wnids : NULL, draft.count);
out:
    draft_release(&draft);
    return rc;
}

// A csv says so in its first line: several columns, one of them `index`.
static bool is_csv(const struct text *text)
{
    struct text head = {.data = mem_dup_n(text->at, text_peek(text)), .path = text->path};
    char *fields[MAX_FIELDS];
    head.at = head.data;
    int n = text_record(&head, fields, MAX_FIELDS, NULL);
    bool csv = n > 1 && find_columns(fields, n).index >= 0;
    text_close(&head);
    return csv;
}

enum err_code labels_open(const char *path, struct labels **out, struct err *e)
{
    struct text text;
    enum err_code rc = text_open(&text, path, FILE_MAX_BYTES, e);
    if (rc != ERR_OK)
        return rc;
    if (text.at[strspn(text.at, " \t\r\n")] == '{')
        rc = read_json(&text, out, e);
    else if (is_csv(&text))
        rc = read_csv(&text, out, e);
    else
        rc = read_lines(&text, out, e);
    text_close(&text);
    return rc;
}

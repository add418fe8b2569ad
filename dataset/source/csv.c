#include "dataset/source/list.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_FIELDS = 64 };

// The label cells that are names, kept until all have been read: whether they name the
// built-in classes or classes of their own is known only then.
struct cell {
    const char *name;
    size_t item;
    long line;
};

struct csv {
    struct list list;
    struct cell *cells;
    size_t cell_count, cell_cap;
};

static int by_cell(const void *a, const void *b)
{
    const struct cell *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    return order ? order : (left->line > right->line) - (left->line < right->line);
}

// First cell after i with another name; cells are sorted by name.
static size_t next_name(const struct csv *csv, size_t i)
{
    const char *name = csv->cells[i].name;
    while (i < csv->cell_count && strcmp(csv->cells[i].name, name) == 0)
        i++;
    return i;
}

static void label_cells(struct csv *csv, size_t from, size_t to, int label)
{
    for (size_t i = from; i < to; i++)
        csv->list.ds->items[csv->cells[i].item].label = label;
}

// Labels all named items from `labels`; the first name that is not one class is an error.
static enum err_code names_from(struct csv *csv, const struct labels *labels,
                                struct err *e)
{
    for (size_t i = 0, next; i < csv->cell_count; i = next) {
        const struct cell *cell = &csv->cells[i];
        int label = labels_find_name(labels, cell->name);
        next = next_name(csv, i);
        if (label < 0)
            return err_set(e, ERR_FORMAT, "%s:%ld: \"%.60s\" %s", csv->list.text.path,
                           cell->line, cell->name,
                           label == -1 ? "is no class of the labels"
                                       : "names several classes, expected an index or a "
                                         "WordNet id");
        label_cells(csv, i, next, label);
    }
    return ERR_OK;
}

// The names themselves are the classes, in sorted order.
static enum err_code own_names(struct csv *csv, struct err *e)
{
    size_t count = 0;
    const char **names = mem_array(csv->cell_count, sizeof *names);
    if (!names)
        return err_set(e, ERR_NOMEM, "%s: no memory for its classes",
                       csv->list.text.path);
    for (size_t i = 0, next; i < csv->cell_count; i = next) {
        next = next_name(csv, i);
        label_cells(csv, i, next, (int)count);
        names[count++] = csv->cells[i].name;
    }
    csv->list.ds->own = labels_new(names, NULL, (int)count);
    free(names);
    return ERR_OK;
}

static enum err_code resolve_names(struct csv *csv, struct err *e)
{
    if (csv->cell_count == 0)
        return ERR_OK;
    qsort(csv->cells, csv->cell_count, sizeof *csv->cells, by_cell);
    if (csv->list.opts->labels)
        return names_from(csv, csv->list.opts->labels, e);
    if (names_from(csv, labels_imagenet(), NULL) == ERR_OK)
        return ERR_OK;
    return own_names(csv, e);
}

static enum err_code csv_label(struct csv *csv, const char *label, struct err *e)
{
    int *out = &csv->list.ds->items[csv->list.ds->count - 1].label;
    if (*label == '\0')
        return ERR_OK;
    if (text_is_number(label))
        return list_index(&csv->list, label, out, e);
    if (text_is_wnid(label) && label[9] == '\0') {
        *out = labels_find_wnid(set_labels(csv->list.opts), label);
        return *out >= 0 ? ERR_OK
                         : err_set(e, ERR_FORMAT,
                                   "%s:%ld: WordNet id %s is no class of the labels",
                                   csv->list.text.path, csv->list.text.line, label);
    }
    if (!mem_grow(&csv->cells, &csv->cell_cap, csv->cell_count + 1, sizeof *csv->cells))
        return err_set(e, ERR_NOMEM, "%s: no memory for its labels", csv->list.text.path);
    csv->cells[csv->cell_count++] =
        (struct cell){label, csv->list.ds->count - 1, csv->list.text.line};
    return ERR_OK;
}

static enum err_code csv_header(struct csv *csv, int *file, int *label, struct err *e)
{
    char *fields[MAX_FIELDS];
    int n = text_record(&csv->list.text, fields, MAX_FIELDS, e);
    if (n < 0)
        return ERR_FORMAT;
    for (int i = n - 1; i >= 0; i--) {
        const char *name = text_trim(fields[i]);
        if (strcasecmp(name, "file") == 0)
            *file = i;
        else if (strcasecmp(name, "label") == 0)
            *label = i;
    }
    if (*file >= 0)
        return ERR_OK;
    return err_set(e, ERR_FORMAT,
                   "%s:%ld: no column \"file\" among %d (\"%.40s\", …), expected a first "
                   "line that names the columns file and label",
                   csv->list.text.path, csv->list.text.line, n, n ? fields[0] : "");
}

static enum err_code csv_rows(struct csv *csv, struct err *e)
{
    int file = -1, label = -1, n;
    char *fields[MAX_FIELDS];
    enum err_code rc = csv_header(csv, &file, &label, e);
    while (rc == ERR_OK &&
           (n = text_record(&csv->list.text, fields, MAX_FIELDS, e)) != 0) {
        if (n < 0)
            return ERR_FORMAT;
        char *name = file < n ? fields[file] : NULL;
        if (!name || !*name)
            return err_set(e, ERR_FORMAT, "%s:%ld: no file in column %d",
                           csv->list.text.path, csv->list.text.line, file + 1);
        rc = list_add(&csv->list, name, -1, e);
        if (rc == ERR_OK && label >= 0 && label < n)
            rc = csv_label(csv, text_trim(fields[label]), e);
    }
    return rc;
}

enum err_code set_read_csv(struct ds *ds, const struct ds_opts *opts, struct err *e)
{
    struct csv csv = {0};
    enum err_code rc = ERR_OK;
    ds->shape = DS_CSV;
    TRY(list_open(&csv.list, ds, opts, e));
    TRY(csv_rows(&csv, e));
    TRY(list_check_unique(&csv.list, e));
    TRY(resolve_names(&csv, e));
out:
    free(csv.cells);
    list_close(&csv.list);
    return rc;
}

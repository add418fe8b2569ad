#include "dataset/source/list.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

enum err_code list_open(struct list *list, struct ds *ds, const struct ds_opts *opts,
                        struct err *e)
{
    *list = (struct list){.ds = ds, .opts = opts};
    return text_open(&list->text, ds->root, TEXT_MAX_BYTES, e);
}

void list_close(struct list *list)
{
    free(list->lines);
    text_close(&list->text);
}

enum err_code list_add(struct list *list, const char *name, int label, struct err *e)
{
    size_t i = list->ds->count;
    if (!mem_grow(&list->lines, &list->line_cap, i + 1, sizeof *list->lines))
        return err_set(e, ERR_NOMEM, "%s: no memory for its lines", list->text.path);
    list->lines[i] = list->text.line;
    return set_add(list->ds, name, strlen(name), label, e);
}

enum err_code list_index(const struct list *list, const char *token, int *label,
                         struct err *e)
{
    long number;
    int classes = labels_count(set_labels(list->opts));
    if (!str_to_long(token, &number) || number >= classes)
        return err_set(e, ERR_FORMAT, "%s:%ld: class %.20s, expected 0 to %d",
                       list->text.path, list->text.line, token, classes - 1);
    *label = (int)number;
    return ERR_OK;
}

struct place {
    const char *name;
    long line;
};

static int by_place(const void *a, const void *b)
{
    const struct place *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    return order ? order : (left->line > right->line) - (left->line < right->line);
}

enum err_code list_check_unique(const struct list *list, struct err *e)
{
    size_t n = list->ds->count;
    struct place *places = mem_array(n, sizeof *places);
    if (!places)
        return err_set(e, ERR_NOMEM, "%s: no memory for its lines", list->text.path);
    for (size_t i = 0; i < n; i++)
        places[i] = (struct place){list->ds->items[i].name, list->lines[i]};
    qsort(places, n, sizeof *places, by_place);
    enum err_code rc = ERR_OK;
    for (size_t i = 1; i < n && rc == ERR_OK; i++)
        if (strcmp(places[i - 1].name, places[i].name) == 0)
            rc = err_set(e, ERR_FORMAT, "%s:%ld: %.300s is listed on line %ld already",
                         list->text.path, places[i].line, places[i].name,
                         places[i - 1].line);
    free(places);
    return rc;
}

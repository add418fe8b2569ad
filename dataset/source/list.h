#ifndef DATASET_SOURCE_LIST_H
#define DATASET_SOURCE_LIST_H

// What a csv and a datalist share: items that come from numbered lines.

#include "dataset/source/set.h"
#include "dataset/text.h"

struct list {
    struct ds *ds;
    const struct ds_opts *opts;
    struct text text;
    long *lines; // line of each item
    size_t line_cap;
};

// Opens the file at ds->root.
enum err_code list_open(struct list *list, struct ds *ds, const struct ds_opts *opts,
                        struct err *e) MUST_CHECK;
void list_close(struct list *list);

// Adds a picture named on the line that was read last.
enum err_code list_add(struct list *list, const char *name, int label,
                       struct err *e) MUST_CHECK;

// A class index written on the line that was read last.
enum err_code list_index(const struct list *list, const char *token, int *label,
                         struct err *e) MUST_CHECK;

// ERR_FORMAT when two lines name the same picture.
enum err_code list_check_unique(const struct list *list, struct err *e) MUST_CHECK;

#endif

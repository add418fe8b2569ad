#ifndef DATASET_SOURCE_SET_H
#define DATASET_SOURCE_SET_H

// The inside of a set while it is being listed.

#include "dataset/dataset.h"

struct ds {
    char *root; // absolute
    char *base; // absolute folder against which relative names are opened
    enum ds_shape shape;
    struct ds_item *items;
    size_t count, cap, labelled;
    struct labels *own;
    char **blocks; // storage of the names
    size_t block_count, block_cap, block_used;
};

// A copy of text that lives as long as the set; NULL when out of memory.
const char *set_text(struct ds *ds, const char *text, size_t len);

enum err_code set_add(struct ds *ds, const char *name, size_t len, int label,
                      struct err *e) MUST_CHECK;

// The classes that labels of this set mean.
const struct labels *set_labels(const struct ds_opts *opts);

// The place among them of the first of ImageNet's classes: 1 behind a class "background",
// which has no WordNet id, else 0.
int set_first_class(const struct ds_opts *opts);

// Fill a set from one kind of source; ds->root and ds->base are there.
enum err_code set_read_folder(struct ds *ds, const struct ds_opts *opts,
                              struct err *e) MUST_CHECK;
enum err_code set_read_csv(struct ds *ds, const struct ds_opts *opts,
                           struct err *e) MUST_CHECK;
enum err_code set_read_datalist(struct ds *ds, const struct ds_opts *opts,
                                struct err *e) MUST_CHECK;

// Labels items from a val_label.txt; `matched` counts those that it knows.
enum err_code set_apply_val_label(struct ds *ds, const char *path,
                                  const struct ds_opts *opts, size_t *matched,
                                  struct err *e) MUST_CHECK;

#endif

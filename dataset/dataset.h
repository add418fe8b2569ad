#ifndef DATASET_H
#define DATASET_H

// From a path to pictures with labels. Lists what is there without opening a picture, and
// knows both label orders and class words. Knows nothing of networks or of the database.

#include "dataset/labels.h"

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

// The shape in which a dataset was found; the first that fits, in this order.
enum ds_shape {
    DS_CSV,           // a .csv with columns file and label
    DS_DATALIST,      // a text file, a path a line, a last token of digits is the class
    DS_FLAT_VAL,      // val_label.txt beside, above or below flat pictures
    DS_WNID_FOLDERS,  // n01440764/…
    DS_NAMED_FOLDERS, // cat/… dog/…, index = sorted order, or the place in opts.labels
    DS_WNID_FILES,    // n01440764_name.JPEG
    DS_PLAIN,         // no labels
    DS_FILES,         // a list given by the caller
};

struct ds_opts {
    const struct labels *labels; // --label, or NULL: the built-in ImageNet classes
    bool ilsvrc_order;           // val_label.txt holds the devkit's 1-based ids
    const char *val_label;       // explicit label file, or NULL: looked for
};

struct ds_item {
    const char *name; // relative to the root, or as listed; unique; borrowed from the set
    int label;        // class index, -1 when unknown
};

struct ds;

// Lists a dataset. Items are in bytewise order of name, or in the order of the csv or
// datalist. ERR_MISSING, ERR_PERM, ERR_FORMAT (a bad line is named by its number).
enum err_code ds_open(const char *path, const struct ds_opts *opts, struct ds **out,
                      struct err *e) MUST_CHECK;

// A set of exactly these files, in this order, without labels.
struct ds *ds_open_files(char *const *paths, size_t n) MUST_CHECK;

// Labels of a val_label.txt in place of those that a set has; names may have another
// suffix there. ERR_FORMAT also when it names none of them. watch (NULL: none) is told
// each picture of the file that the set lacks.
struct ds_label_watch {
    void (*missing)(void *ctx, const char *name);
    void *ctx;
};
enum err_code ds_label_from(struct ds *ds, const char *path, const struct ds_opts *opts,
                            const struct ds_label_watch *watch, struct err *e) MUST_CHECK;

// What a folder's pictures are told by: .jpeg, .jpg or .png in any case.
bool ds_is_picture(const char *name);

void ds_close(struct ds *ds);

size_t ds_count(const struct ds *ds);
const struct ds_item *ds_item(const struct ds *ds, size_t i);
enum ds_shape ds_shape(const struct ds *ds);
const char *ds_shape_name(enum ds_shape shape);
size_t ds_labelled(const struct ds *ds);

// Absolute path of the dataset (the key under which runs remember it); borrowed.
const char *ds_root(const struct ds *ds);

// Path by which item i is opened (absolute), malloc'ed.
char *ds_path(const struct ds *ds, size_t i) MUST_CHECK;

// Class names that the set itself defines (DS_NAMED_FOLDERS, csv with names), or NULL;
// borrowed.
const struct labels *ds_own_labels(const struct ds *ds);

// ---- verdicts ----

enum ds_verdict { DS_OK, DS_ODD, DS_DAMAGED };

// What `verify` says of one file: damaged (cannot be decoded whole), odd (decodes, but is
// not a plain RGB or grey JPEG or PNG under its own kind of name) or ok. The reason does
// not repeat the path or the verdict: "CMYK, EXIF orientation 6", "truncated: the file
// ends …".
struct ds_check {
    enum ds_verdict verdict;
    char reason[256];  // empty when ok
    int width, height; // 0 when unknown
};
void ds_check_file(const char *path, struct ds_check *out);

#endif

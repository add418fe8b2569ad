#ifndef PIPELINE_FOREIGN_H
#define PIPELINE_FOREIGN_H

// Predictions that other programs wrote: result npz, Relay text, csv, jsonl.

#include "cache/row.h"
#include "dataset/dataset.h"

#include "base/err.h"
#include "base/progress.h"

#include <stdatomic.h>

// The best five of a result npz (key output_0, [C] or [1,C]). What is no distribution
// over the classes is taken for logits: prob is then their softmax. count of classes into
// *classes.
enum err_code foreign_npz(const char *path, struct row *row, int *classes,
                          struct err *e) MUST_CHECK;

// What a text says of one picture: file is its name there, label -1 where none is given;
// prob is what is written, in Relay text perhaps no probability. Lives until fn returns.
struct foreign_found {
    struct row row;
    int classes; // of its logits or probabilities; 0: only the best were given
    long line;   // where it begins
};
typedef enum err_code foreign_fn(void *ctx, const struct foreign_found *found,
                                 struct err *e);

// A whole file, picture by picture, in its order and in bounded memory; the format is
// told from the content. labels tells the classes that are named by WordNet id or words;
// NULL: the built-in ones. The first bad line is the error, with its number.
enum err_code foreign_each(const char *path, const struct labels *labels, foreign_fn *fn,
                           void *ctx, struct err *e) MUST_CHECK;

// The same into rows.
enum err_code foreign_text(const char *path, struct rowset *out,
                           struct err *e) MUST_CHECK;

// ---- which picture a result belongs to ----

struct foreign_index;

struct foreign_index *foreign_index_new(const struct ds *ds) MUST_CHECK;
void foreign_index_free(struct foreign_index *index);

// Place in the set of what is called like this: its number and stem
// ("00000012_STEM.npz"), else its stem alone, else folder and stem. -1: none is; -2:
// several could be.
enum { FOREIGN_NONE = -1, FOREIGN_SEVERAL = -2 };
ptrdiff_t foreign_index_find(const struct foreign_index *index, const char *name);

// The folder that a path lies in as a class (WordNet id or name), -1 when it is none.
int foreign_folder_class(const struct labels *labels, const char *path);

// ---- as a run ----

struct foreign_import {
    const char *path; // text, or a folder of result npz
    const char *name; // of the run
    const char *db;
    const struct ds *ds;         // what the results are of; NULL: what they name
    const char *val_label;       // labels without ds; or NULL
    bool ilsvrc_order;           // what the numbers in val_label count
    const struct labels *labels; // of the classes; NULL: the built-in ones
    bool force;                  // replace a run of that name over other pictures
    const atomic_bool *cancel;   // or NULL
    struct progress progress;    // results, over which a text goes twice
};
struct foreign_imported {
    int64_t run;
    size_t images, rows, failed, labelled, top1, top5;
    size_t strangers; // results that belong to no picture of ds
    size_t conflicts; // labels in the file that are not those of ds
    char stranger[256];
};
// Stores all of it or, on an error, nothing. A run of that name that was imported over
// the same pictures is replaced. A damaged npz is a row with its error, told to on_error.
typedef void foreign_error_fn(void *ctx, const char *message);
enum err_code foreign_import(const struct foreign_import *what,
                             foreign_error_fn *on_error, void *ctx,
                             struct foreign_imported *result, struct err *e) MUST_CHECK;

#endif

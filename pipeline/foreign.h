#ifndef PIPELINE_FOREIGN_H
#define PIPELINE_FOREIGN_H

// Predictions that other programs wrote: result npz, Relay text, csv, jsonl.

#include "cache/row.h"
#include "dataset/dataset.h"

#include "base/err.h"

// The best five of a result npz (key output_0, [C] or [1,C]). What is no distribution
// over the classes is taken for logits: prob is then their softmax. count of classes into
// *classes.
enum err_code foreign_npz(const char *path, struct row *row, int *classes,
                          struct err *e) MUST_CHECK;

// A whole file into rows, in its order; file is the name in the file, label -1 where none
// is given. The format is told from the content.
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

#endif

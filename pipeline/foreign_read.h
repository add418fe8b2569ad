#ifndef PIPELINE_FOREIGN_READ_H
#define PIPELINE_FOREIGN_READ_H

// Inside the readers of foreign predictions: the file, and the picture that is being put
// together from its lines.

#include "pipeline/foreign.h"

#include "base/lookup.h"
#include "dataset/text.h"

enum { FOREIGN_CLASS_MAX = 1 << 20 };

struct foreign_reader {
    struct text text;
    const struct labels *labels;
    foreign_fn *fn;
    void *ctx;
    struct foreign_found now; // row.file NULL: none
    char *file, *error;       // behind now
    size_t pictures;
    struct lookup names; // classes by what the file calls them
    int *classes;        // a class for each name
    size_t class_cap;
};

// "FILE:LINE: what".
enum err_code foreign_wrong(const struct foreign_reader *r, const char *what,
                            struct err *e) MUST_CHECK;

// Hands the picture over and begins another one.
enum err_code foreign_begin(struct foreign_reader *r, const char *file,
                            struct err *e) MUST_CHECK;
// Whether lines about this file belong to the picture at hand.
bool foreign_same(const struct foreign_reader *r, const char *file);

// A class and its probability: it takes its place among the best five.
enum err_code foreign_add(struct foreign_reader *r, int index, double prob,
                          struct err *e) MUST_CHECK;
// Logits or probabilities of all classes.
enum err_code foreign_add_all(struct foreign_reader *r, const float *values, int n,
                              struct err *e) MUST_CHECK;
void foreign_fail(struct foreign_reader *r, const char *error);

// A class by index, WordNet id or name.
enum err_code foreign_class(struct foreign_reader *r, const char *text, int *index,
                            struct err *e) MUST_CHECK;

// Softmax where values are no distribution; best first, ties by lower index.
void foreign_best(const float *values, int n, struct row *row);

enum err_code foreign_read_csv(struct foreign_reader *r, struct err *e) MUST_CHECK;
enum err_code foreign_read_jsonl(struct foreign_reader *r, struct err *e) MUST_CHECK;

#endif

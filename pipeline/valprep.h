#ifndef PIPELINE_VALPREP_H
#define PIPELINE_VALPREP_H

// A flat validation folder as class folders named by WordNet id, and back. Each step is
// one system call that is done or not done, and is skipped where its end is there
// already: so it may be stopped at any moment and started again. No picture is ever
// removed, overwritten or copied.

#include "base/err.h"
#include "base/progress.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum valprep_link { VALPREP_HARD, VALPREP_SYMBOLIC, VALPREP_MOVE };

struct valprep {
    const char *folder;    // where the pictures are
    const char *target;    // where they are to be; NULL: folder itself
    const char *val_label; // FILE INDEX or INDEX lines
    bool ilsvrc_order;     // of its numbers
    enum valprep_link link;
    bool reverse;              // class folders to flat
    const atomic_bool *cancel; // or NULL
    struct progress progress;
};

// What does not fit; it is told, counted and left as it is.
enum valprep_misfit {
    VALPREP_NO_PICTURE, // a label without a picture
    VALPREP_NO_LABEL,   // a picture without a label
    VALPREP_OTHER_FILE, // another file has the name already
    VALPREP_MISPLACED,  // a picture in the folder of a class that is not its label's
    VALPREP_MISFITS
};

struct valprep_result {
    size_t placed, kept; // kept: there already
    size_t misfits[VALPREP_MISFITS];
};

// name is relative to the folder it was found in.
typedef void valprep_misfit_fn(void *ctx, enum valprep_misfit kind, const char *name);

enum err_code pipe_valprep(const struct valprep *spec, valprep_misfit_fn *misfit,
                           void *ctx, struct valprep_result *result,
                           struct err *e) MUST_CHECK;

#endif

#ifndef PIPELINE_VALPREP_LINK_H
#define PIPELINE_VALPREP_LINK_H

// Inside the pipeline room: one picture under a second name, or a new one.

#include "pipeline/valprep.h"

enum valprep_outcome {
    OUTCOME_PLACED,
    OUTCOME_KEPT,    // it was there
    OUTCOME_MISSING, // neither name is
    OUTCOME_OTHER,   // the new name is another file's
};

// from and to lie in different folders. relative is what a symbolic link at `to` holds.
enum err_code valprep_place(enum valprep_link kind, const char *from, const char *to,
                            const char *relative, enum valprep_outcome *outcome,
                            struct err *e) MUST_CHECK;

#endif

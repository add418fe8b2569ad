#ifndef CLI_VIEW_H
#define CLI_VIEW_H

// Rows seen with other truths than the dataset's: --real and --fold.

#include "cli/cmd.h"

#include "report/report.h"

struct view_args {
    const char *real, *fold;
};

#define VIEW_OPTS(base)                                                                  \
    {.name = "real",                                                                     \
     .value = "REAL.json",                                                               \
     .help = "reassessed labels of the 50,000 validation pictures: right is any of a "   \
             "picture's classes, and pictures without one do not count",                 \
     .kind = OPT_TEXT,                                                                   \
     .offset = (base) + offsetof(struct view_args, real)},                               \
    {                                                                                    \
        .name = "fold", .value = "LEVEL|SYNSET",                                         \
        .help = "coarser classes: what WordNet has so many steps below its root, or "    \
                "all below a synset as one (dog,bird,n03791053)",                        \
        .kind = OPT_TEXT, .offset = (base) + offsetof(struct view_args, fold)            \
    }

struct view {
    const struct labels *labels; // what the rows' classes are now
    int classes;
    struct rep_reassessed counts;
    size_t seen; // rows
    int from;    // classes before
    int *group_of;
    struct labels_real *real;
    struct labels *owned_labels;
};

// Changes the rows in place. labels and classes: what their classes were.
enum err_code view_open(const struct view_args *args, const struct labels *labels,
                        struct row *rows, size_t count, struct view *out,
                        struct err *e) MUST_CHECK;
void view_release(struct view *view);

// The same for rows that come a few at a time.
enum err_code view_begin(const struct view_args *args, const struct labels *labels,
                         struct view *out, struct err *e) MUST_CHECK;
void view_add(struct view *view, struct row *rows, size_t count);
void view_restart(struct view *view); // the rows come once more, from the first one
enum err_code view_end(const struct view_args *args, const struct view *view,
                       struct err *e) MUST_CHECK;

// What was asked for and the counts of --real: keys fold and real, lines on stdout.
struct cJSON;
void view_json(const struct view_args *args, const struct view *view,
               struct cJSON *document);
void view_print(const struct view_args *args, const struct view *view);

#endif

#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

// Finds out how pictures must be prepared, and labels read, to fit a model: a greedy
// search, one axis after the other, each decided by paired tests on the same pictures.

#include "cli/cmd.h"
#include "cli/out/bar.h"
#include "cli/out/json.h"

#include "pipeline/pipeline.h"
#include "report/report.h"

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

// ---- what labels may mean ----

// Which class of the model a label stands for; see the table in order.c.
enum doctor_order {
    DOCTOR_PLAIN,
    DOCTOR_FROM_ONE,
    DOCTOR_BACKGROUND,
    DOCTOR_ILSVRC,
    DOCTOR_ILSVRC_FROM_ZERO,
    DOCTOR_AS_TEXT,
    DOCTOR_MODEL_ILSVRC,
    DOCTOR_MODEL_AS_TEXT,
    DOCTOR_ORDERS
};

struct doctor_order_info {
    const char *name;
    const char *mistake; // what somebody did when this order fits
    const char *remedy;  // what to do about it; NULL: an option does it
};
const struct doctor_order_info *doctor_order_info(enum doctor_order order);

// ---- the pictures ----

struct doctor_picture {
    size_t item; // in the dataset
    int label;
    int wanted[DOCTOR_ORDERS]; // class of the model, or -1
};

struct doctor_sample {
    struct doctor_picture *pictures; // any first part of them is a fair sample
    size_t count;
    size_t labelled;  // pictures with a label in the dataset
    size_t per_class; // most pictures with one label
};
enum { DOCTOR_SEED = 299 };

// At most n labelled pictures, as many labels as possible, at random. ERR_MISSING when
// nothing is labelled.
enum err_code doctor_sample_open(const struct ds *ds, size_t n, int classes, int first,
                                 struct doctor_sample *out, struct err *e) MUST_CHECK;
void doctor_sample_release(struct doctor_sample *sample);

// Sets `wanted` from `label` for a model of so many classes, the first of which, 0 or 1,
// number 0 stands for: labels are numbers and that much.
void doctor_orders_fill(struct doctor_picture *pictures, size_t n, int classes,
                        int first);

// False when the order means nothing for any picture, as the devkit's does for 6 classes.
bool doctor_order_applies(const struct doctor_sample *sample, enum doctor_order order);

// ---- answers ----

// How high the wanted class stands: its logit less the mean of all, in deviations of all.
// Unlike its probability it does not grow just because a wrong input makes a network less
// sure of itself, so that by chance it goes up as often as down.
struct doctor_answer {
    bool ok;
    int count, top[ROW_TOPK];
    float score[DOCTOR_ORDERS]; // NaN: no such class
};

// The sample under one preprocessing.
struct doctor_trial {
    struct ds_prep prep;
    size_t count; // pictures of the sample that it was tried on, the first ones
    struct doctor_answer *answers;
};

// One thing that was tried, against the first of its axis.
struct doctor_figures {
    size_t images, top1, top5;
    double score;         // mean
    size_t better, worse; // right where the other is wrong, and the reverse
    size_t higher, lower; // score against that of the other
    double p_top1, p_score;
};
void doctor_compare(const struct doctor_sample *sample, const struct doctor_trial *trial,
                    enum doctor_order order, const struct doctor_trial *other,
                    enum doctor_order other_order, struct doctor_figures *out);

// ---- the search ----

enum doctor_axis_id {
    DOCTOR_LABELS,
    DOCTOR_VALUES,
    DOCTOR_CHANNELS,
    DOCTOR_RESIZE,
    DOCTOR_FILTER,
    DOCTOR_AXES
};

enum { DOCTOR_OPTIONS = 8, DOCTOR_TRIALS = 24, DOCTOR_NAME = 48 };

struct doctor_option {
    char name[DOCTOR_NAME];
    enum doctor_order order;
    int trial;
    struct doctor_figures figures; // against option 0
    bool tied;                     // not to be told from the best one
};

struct doctor_axis {
    struct doctor_option options[DOCTOR_OPTIONS]; // 0: as it is now
    int count, best;
};

struct doctor {
    const struct cli *cli;
    const struct pipe_setup *setup;
    const struct ds *ds;
    enum doctor_order order_now;
    bool skipped[DOCTOR_AXES]; // the labels cost nothing, and never are
    struct doctor_sample sample;
    size_t failed; // pictures that could not be read, not in the sample any more
    struct doctor_trial trials[DOCTOR_TRIALS];
    int trial_count;
    struct doctor_axis axes[DOCTOR_AXES];
    enum doctor_order order; // that fits
    int trial;               // that fits
    size_t done, planned;    // pictures computed, for the progress line
    double began, seconds;
    char doing[64];
    struct bar bar;
};

// Fills everything from `failed` on. ERR_MISSING when no picture can be used.
enum err_code doctor_search(struct doctor *d, struct err *e) MUST_CHECK;
void doctor_release(struct doctor *d);

// Runs pictures from … to-1 of the sample.
enum err_code doctor_run(struct doctor *d, struct doctor_trial *trial, size_t from,
                         size_t to, struct err *e) MUST_CHECK;

// ---- what comes of it ----

const char *doctor_axis_name(enum doctor_axis_id id);

// Skips all axes but those in a list with commas, none when it is NULL; ERR_USAGE for
// other names.
enum err_code doctor_choose_axes(struct doctor *d, const char *list,
                                 struct err *e) MUST_CHECK;

// Whether there was anything else to try than what is set now.
bool doctor_tried(const struct doctor_axis *axis);

// False when the best setting is no better than guessing.
bool doctor_fits(const struct doctor *d);

// What was done wrong when the best of an axis is not what is set now; NULL: nothing.
const char *doctor_mistake(const struct doctor *d, enum doctor_axis_id id);

// What no option does about the labels; NULL: nothing is left to do.
const char *doctor_remedy(const struct doctor *d);

// Whether anything else than what is set now fits best.
bool doctor_changes(const struct doctor *d);

// The preprocessing that fits, as --preprocess takes it.
void doctor_preprocess(const struct doctor *d, char text[DS_PREP_TEXT_MAX]);

// The options that make every command do what fits.
void doctor_flags(const struct doctor *d, struct str *out);

void doctor_print(const struct doctor *d);
cJSON *doctor_document(const struct doctor *d);

#endif

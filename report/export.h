#ifndef REPORT_EXPORT_H
#define REPORT_EXPORT_H

// Rows as files that other tools read: tables, a FiftyOne dataset and a page.

#include "report/report.h"

// ---- tables ----

enum rep_format { REP_CSV, REP_JSONL, REP_DATALIST, REP_CONFUSION, REP_FORMAT_COUNT };

// Hands rows over one by one, as often as it is called the same ones in the same order. A
// row lives until fn returns; its error ends the walk.
typedef enum err_code rep_row_fn(void *ctx, const struct row *row, struct err *e);
typedef enum err_code rep_each_fn(void *source, rep_row_fn *fn, void *ctx, struct err *e);

struct rep_export {
    const struct row *rows;
    const size_t *indices; // which, in which order; NULL: the first count
    size_t count;
    const struct labels *labels;
    int classes;
    const char *root;  // absolute folder of the dataset, for the datalist
    rep_each_fn *each; // where the rows come from instead of the three above, or NULL;
    void *source;      // memory then does not grow with them
};

// csv columns: file,label,label_name,top1…top5,prob1…prob5,error, probabilities with six
// decimals. jsonl: an object a line with file, label, label_name, topk, error. The
// datalist has absolute paths and, where known, the label as last token. confusion: csv,
// truth as rows, a square over all classes up to 1000 and over those that occur above.
// The decimal point is '.' in every locale.
enum err_code rep_export_write(const struct rep_export *what, enum rep_format format,
                               FILE *out, struct err *e) MUST_CHECK;

// The table as one npz: file, label, top, prob, error, names; -1 and 0 where there is
// nothing. Or the confusion counts: counts, index (of the classes), names.
enum err_code rep_export_npz(const struct rep_export *what, const char *path, bool force,
                             struct err *e) MUST_CHECK;
enum err_code rep_confusion_npz(const struct rep_export *what, const char *path,
                                bool force, struct err *e) MUST_CHECK;

// "PATH: Relay top-K id: N, prob: P, class name: NAME", five lines a picture.
void rep_relay_write(FILE *out, const char *path, const struct row *row,
                     const struct labels *labels);

// ---- more than a table ----

// labels.json of a FiftyOneImageClassificationDataset, with the truth or with the best
// prediction and its confidence. Keys name the pictures in its folder data/: the file
// without its suffix, numbered where two would be the same; or (absolute, and where a
// name leads out of its folder) the absolute path. Rows come in bytewise order of their
// files: then only keys that later ones may meet are remembered.
typedef enum err_code rep_keyed_fn(void *ctx, const char *key, const struct row *row,
                                   struct err *e);
enum err_code rep_fiftyone_each(const struct rep_export *what, bool absolute,
                                rep_keyed_fn *fn, void *ctx, struct err *e) MUST_CHECK;
enum err_code rep_fiftyone_write(const struct rep_export *what, bool absolute, bool truth,
                                 FILE *out, struct err *e) MUST_CHECK;

// A page that stands alone: figures with intervals, confused pairs, calibration, classes,
// and the most confident errors with their pictures. Texts may be NULL. thumbnail gives a
// row's picture as a malloc'ed JPEG; where it fails the page says why.
struct rep_html {
    const struct rep_export *table;
    const char *run, *state, *model, *arch, *precision, *preset, *dataset;
    const char *filter, *fold, *real;
    const struct rep_reassessed *reassessed; // of `real`
    enum err_code (*thumbnail)(void *ctx, const struct row *row, uint8_t **jpeg,
                               size_t *len, struct err *e);
    void *ctx;
};
enum err_code rep_html_write(const struct rep_html *page, FILE *out,
                             struct err *e) MUST_CHECK;

#endif

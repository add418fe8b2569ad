#ifndef REPORT_EXPORT_H
#define REPORT_EXPORT_H

// Exports that are more than a table: a FiftyOne dataset and a page.

#include "report/report.h"

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

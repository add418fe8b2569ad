#ifndef REPORT_EXPORT_H
#define REPORT_EXPORT_H

// Exports besides that of all rows at once: a line at a time, and what is more than a
// table, a FiftyOne dataset and a page.

#include "report/report.h"

// What rep_export_write writes of csv, jsonl and datalist, for rows that come one by one:
// what->rows, indices and count play no part.
void rep_export_head(enum rep_format format, FILE *out);
enum err_code rep_export_line(const struct rep_export *what, enum rep_format format,
                              const struct row *row, FILE *out, struct err *e) MUST_CHECK;

// labels.json of a FiftyOneImageClassificationDataset, with the truth or with the best
// prediction and its confidence. Keys name the pictures in its folder data/: the file
// without its suffix, numbered where two would be the same; or (absolute, and where a
// name leads out of its folder) the absolute path.
enum err_code rep_fiftyone_keys(const struct rep_export *what, bool absolute, char ***out,
                                struct err *e) MUST_CHECK;
void rep_fiftyone_release(char **keys, size_t count);
enum err_code rep_fiftyone_write(const struct rep_export *what, char *const *keys,
                                 bool truth, FILE *out, struct err *e) MUST_CHECK;

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

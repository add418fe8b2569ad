#ifndef TESTS_GOLDEN_PREP_DIGEST_H
#define TESTS_GOLDEN_PREP_DIGEST_H

// What the preprocessing tests share: digests counted, csv tables walked.

#include "dataset/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PREP_SKIPPED = 77, PREP_FIELDS = 32 };

struct prep_tally {
    int checked, wrong;
};

// Compares the first 16 hexadecimal digits of SHA-256; says which picture differs.
void prep_check(struct prep_tally *tally, const char *file, const char *what,
                const uint8_t *bytes, size_t len, const char *expected);

// The same for a whole picture.
void prep_check_image(struct prep_tally *tally, const char *file, const char *what,
                      const struct ds_image *image, const char *expected);

// Counts a failure and says why.
void prep_fail(struct prep_tally *tally, const char *file, const char *why);

// Calls check_row for the rows of a csv file behind its first line: every one, or every
// step-th.
typedef void prep_row_fn(struct prep_tally *tally, char **fields, void *ctx);
struct prep_tally prep_table(const char *path, long step, prep_row_fn *check_row,
                             void *ctx);

// Exit status: 0 when something was checked and nothing was wrong.
int prep_status(struct prep_tally tally);

#endif

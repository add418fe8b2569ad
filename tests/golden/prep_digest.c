#include "tests/golden/prep_digest.h"

#include "dataset/text.h"

#include "tests/support/sha256.h"

#include <stdio.h>
#include <string.h>

enum { DIGEST = 16 };

void prep_fail(struct prep_tally *tally, const char *file, const char *why)
{
    tally->wrong++;
    printf("%s: %s\n", file, why);
}

void prep_check(struct prep_tally *tally, const char *file, const char *what,
                const uint8_t *bytes, size_t len, const char *expected)
{
    char hex[SHA256_HEX];
    sha256_hex(bytes, len, hex);
    tally->checked++;
    if (strncmp(hex, expected, DIGEST) == 0)
        return;
    tally->wrong++;
    printf("%s: %s: %.16s, expected %s\n", file, what, hex, expected);
}

void prep_check_image(struct prep_tally *tally, const char *file, const char *what,
                      const struct ds_image *image, const char *expected)
{
    size_t len = (size_t)image->width * (size_t)image->height * 3;
    prep_check(tally, file, what, image->rgb, len, expected);
}

struct prep_tally prep_table(const char *path, long step, prep_row_fn *check_row,
                             void *ctx)
{
    struct prep_tally tally = {0};
    struct text text;
    struct err e = {0};
    char *fields[PREP_FIELDS];
    if (text_open(&text, path, TEXT_MAX_BYTES, &e) != ERR_OK) {
        prep_fail(&tally, path, e.msg);
        return tally;
    }
    (void)text_record(&text, fields, PREP_FIELDS, NULL);
    for (long row = 0; text_record(&text, fields, PREP_FIELDS, NULL) > 0; row++)
        if (row % step == 0)
            check_row(&tally, fields, ctx);
    text_close(&text);
    printf("%s: %d checks, %d wrong\n", path, tally.checked, tally.wrong);
    return tally;
}

int prep_status(struct prep_tally tally)
{
    return tally.wrong != 0 || tally.checked == 0;
}

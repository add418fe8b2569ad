// Damaged, hostile and odd files: which are refused, and the pixels of those that are
// not.

#include "tests/golden/prep_digest.h"

#include "dataset/dataset.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Columns of the manifest.
enum { FILE_NAME = 0, CATEGORY = 1, FORMAT = 3, PILLOW = 15 };

static const double max_seconds = 5; // for any refusal, sanitizers included

static char *path_of(const char *file)
{
    return mem_printf("%s/data/badjpeg/%s", XLENS_REFERENCE_DIR, file);
}

// Pillow's verdict, but for formats that are only named and for bombs that it sits out.
static bool should_decode(char **fields)
{
    return str_starts_with(fields[PILLOW], "ok") &&
           strcmp(fields[CATEGORY], "scan_bomb") != 0 &&
           (strcmp(fields[FORMAT], "JPEG") == 0 || strcmp(fields[FORMAT], "PNG") == 0);
}

static void check_verdict(struct prep_tally *tally, char **fields, void *ctx)
{
    (void)ctx;
    char *path = path_of(fields[FILE_NAME]);
    bool expected = should_decode(fields);
    struct ds_image image = {0};
    struct ds_check check;
    struct err e = {0};
    double start = clock_now();
    enum err_code rc = ds_image_open(path, DS_AS_PILLOW, &image, &e);
    bool slow = clock_now() - start > max_seconds;
    ds_check_file(path, &check);
    tally->checked++;
    if ((rc == ERR_OK) != expected || (rc != ERR_OK && rc != ERR_IMAGE) || slow)
        prep_fail(tally, fields[FILE_NAME], rc ? e.msg : slow ? "slow" : "decoded");
    if ((check.verdict == DS_DAMAGED) != (rc != ERR_OK) ||
        (check.verdict == DS_OK) != (check.reason[0] == '\0'))
        prep_fail(tally, fields[FILE_NAME], check.reason);
    ds_image_release(&image);
    free(path);
}

static void check_pixels(struct prep_tally *tally, char **fields, void *ctx)
{
    (void)ctx;
    char *path = path_of(fields[0]);
    for (int as = DS_AS_PILLOW; as <= DS_AS_OPENCV; as++) {
        struct ds_image image = {0};
        struct err e = {0};
        if (ds_image_open(path, (enum ds_decoder)as, &image, &e) != ERR_OK)
            prep_fail(tally, fields[0], e.msg);
        else
            prep_check_image(tally, fields[0], as == DS_AS_OPENCV ? "opencv" : "pillow",
                             &image, fields[as == DS_AS_OPENCV ? 4 : 3]);
        ds_image_release(&image);
    }
    free(path);
}

int main(void)
{
    char *manifest = path_of("manifest.csv");
    if (!file_exists(manifest)) {
        printf("SKIPPED: no odd pictures in " XLENS_REFERENCE_DIR "\n");
        free(manifest);
        return PREP_SKIPPED;
    }
    char *digests = mem_printf("%s/../golden/prep_odd.csv", XLENS_TEST_DATA);
    int status = prep_status(prep_table(manifest, 1, check_verdict, NULL));
    status |= prep_status(prep_table(digests, 1, check_pixels, NULL));
    free(manifest);
    free(digests);
    return status;
}

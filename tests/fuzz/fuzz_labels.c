// Label files, csv sets, datalists and val_label.txt, all from the same bytes.

#include "dataset/dataset.h"

#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void read_labels(const char *path)
{
    struct labels *labels = NULL;
    struct err e = {0};
    if (labels_open(path, &labels, &e) != ERR_OK) {
        if (labels || e.msg[0] == '\0')
            abort();
        return;
    }
    for (int i = 0; i < labels_count(labels); i++) {
        char name[32];
        (void)labels_short(labels, i, name, sizeof name);
        const char *wnid = labels_wnid(labels, i);
        if (wnid && labels_find_wnid(labels, wnid) < 0)
            abort();
    }
    (void)labels_find_name(labels, "cup");
    labels_close(labels);
}

static void read_set(const char *path)
{
    static const struct ds_opts opts[] = {{0}, {.ilsvrc_order = true}};
    for (int i = 0; i < 2; i++) {
        struct ds *ds = NULL;
        struct err e = {0};
        if (ds_open(path, &opts[i], &ds, &e) != ERR_OK) {
            if (ds || e.msg[0] == '\0')
                abort();
            continue;
        }
        for (size_t k = 0; k < ds_count(ds); k++)
            free(ds_path(ds, k));
        ds_close(ds);
    }
}

static void read_val_label(const char *path)
{
    const struct ds_opts opts = {.val_label = path};
    struct ds *ds = NULL;
    struct err e = {0};
    if (ds_open(XLENS_TEST_DATA "/pictures", &opts, &ds, &e) != ERR_OK && !e.msg[0])
        abort();
    ds_close(ds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_with_file(data, size, ".txt", read_labels);
    fuzz_with_file(data, size, ".csv", read_set);
    fuzz_with_file(data, size, ".txt", read_set);
    fuzz_with_file(data, size, ".txt", read_val_label);
    return 0;
}

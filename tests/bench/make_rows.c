// Databases as a large evaluation leaves them, for measurements: a thousand classes, the
// pictures computed in a random order, 78 % right, one in a thousand damaged. Part I of N
// is what eval --shard I/N would have written.

#include "cache/cache.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLASSES = 1000 };

static uint64_t mix(uint64_t x) // splitmix64
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static void fill(struct row *row, int64_t i, int64_t total)
{
    uint64_t noise = mix((uint64_t)i);
    float left = 1;
    *row = (struct row){.label = (int)(i * CLASSES / total), .count = ROW_TOPK};
    if (noise % 1000 == 0) {
        row->count = 0;
        row->error = "the picture ends early";
        return;
    }
    int first = noise % 100 < 78 ? row->label : (int)(noise / 100 % CLASSES);
    for (int k = 0; k < ROW_TOPK; k++) {
        float share = 0.3f + 0.69f * (float)(mix(noise + (uint64_t)k) % 4096) / 4096;
        row->top[k] = (first + k * 37) % CLASSES;
        row->prob[k] = left * share;
        left -= row->prob[k];
        if (k > 0 && row->prob[k] > row->prob[k - 1])
            row->prob[k] = row->prob[k - 1];
    }
}

static enum err_code put_all(struct cache *cache, int64_t total, int64_t part,
                             int64_t parts, struct err *e)
{
    const struct cache_variant variant = {
        "5eed",          "xception-299", "float32", 1, "/models/x.safetensors",
        "timm_xception", CLASSES,        "avx2"};
    int64_t id, run, prime = 1000003;
    enum err_code rc;
    TRY(cache_variant_id(cache, &variant, &id, e));
    TRY(cache_run_open(cache, id, "/data/train", "many", total, &run, e));
    for (int64_t k = 0; k < total; k++) {
        int64_t i = k * prime % total;
        char file[64];
        struct row row;
        struct cache_hash hash = cache_hash_bytes(&i, sizeof i);
        struct cache_stat stat = {.size = i, .mtime_ns = 1};
        if (i % parts != part)
            continue;
        fill(&row, i, total);
        (void)snprintf(file, sizeof file, "n%08d/n%08d_%" PRId64 ".JPEG", row.label,
                       row.label, 10000000 + i);
        row.file = file;
        TRY(cache_file_put(cache, file, &stat, hash, e));
        TRY(cache_run_put(cache, run, i, &hash, &row, e));
    }
    TRY(cache_run_finish(cache, run, e));
out:
    return rc;
}

int main(int argc, char **argv)
{
    struct cache *cache = NULL;
    struct err e = {0};
    if (argc != 3 && argc != 5) {
        (void)fprintf(stderr, "usage: %s DB ROWS [PART PARTS]\n", argv[0]);
        return 2;
    }
    int64_t total = strtoll(argv[2], NULL, 10);
    int64_t part = argc > 3 ? strtoll(argv[3], NULL, 10) : 0;
    int64_t parts = argc > 3 ? strtoll(argv[4], NULL, 10) : 1;
    enum err_code rc = total > 0 && parts > 0 && total % 1000003
                           ? cache_open(argv[1], true, &cache, &e)
                           : err_set(&e, ERR_USAGE, "%s rows cannot be made", argv[2]);
    if (rc == ERR_OK)
        rc = put_all(cache, total, part, parts, &e);
    cache_close(cache);
    if (rc != ERR_OK)
        (void)fprintf(stderr, "%s\n", e.msg);
    return err_exit_status(rc);
}

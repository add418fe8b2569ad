#ifndef CACHE_MERGE_H
#define CACHE_MERGE_H

// Databases of other machines into one.

#include "cache/cache.h"

#include "base/err.h"
#include "base/progress.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Where rows of a run came from.
struct cache_source {
    char *path;     // of the database that was merged
    char *host;     // that computed them; "" when unknown
    int64_t merged; // UTC seconds
    int64_t rows;
};
enum err_code cache_run_sources(struct cache *cache, int64_t run,
                                struct cache_source **out, size_t *count,
                                struct err *e) MUST_CHECK;
void cache_sources_release(struct cache_source *sources, size_t count);

struct cache_merge {
    const char *out;           // made when it is not there
    const char *const *shards; // databases
    size_t count;
    bool mixed; // runs of different models, preprocessings, … may come together
    const atomic_bool *cancel; // ERR_INTERRUPTED once it is true; or NULL
    struct progress progress;  // in rows of the shards
};
struct cache_merged {
    int64_t runs, rows, added, pictures; // rows: seen; added: new or changed by this
};
// All shards or, on an error, nothing. Rows that OUT has already stay, but for failed
// ones that a shard has a prediction for; so merging again changes nothing. ERR_FORMAT:
// rows of one run that are not of the same dataset, or what is no database of ours;
// ERR_USAGE: different models without `mixed`.
enum err_code cache_merge(const struct cache_merge *what, struct cache_merged *result,
                          struct err *e) MUST_CHECK;

#endif

#ifndef CLI_BENCH_H
#define CLI_BENCH_H

// A benchmark of a network: its instances are sessions on one model, in this process or
// in forked ones that share the packed weights. They work in turns, between which they
// rest while the multiply-add peak of the same threads is measured.

#include "engine/engine.h"

#include "base/err.h"

#include <cjson/cJSON.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_spec {
    const struct eng_model *model;
    int height, width, batch;
    int instances, processes;
    int threads;     // in total, spread over the instances; each has at least one
    long iterations; // timed batches an instance; 0: as many as fit
    double seconds;  // of timed turns; 0: as many as the iterations take
    bool wait;       // a batch is handed over when the one before is done
};

// ---- one instance (instance.c) ----

enum { BENCH_QUIT = -1 };

// In memory that all processes share.
struct bench_turns {
    atomic_int turn;    // begins when it grows; 0: open and warm up; BENCH_QUIT: end
    atomic_int arrived; // one for each instance that has ended a turn
    atomic_bool failed;
    struct err err; // why
};

// Likewise, one an instance.
struct bench_instance {
    size_t count;
    size_t cap;
    double busy;    // seconds of its turns
    double *model;  // [cap] seconds of a batch from when it is begun
    double *e2e;    // [cap] from when it is handed over
    double *layers; // [info.layer_count] seconds, all batches together
};

// Whether an instance has run what was asked for.
bool bench_is_done(const struct bench_spec *spec, const struct bench_instance *instance);

// Opens a session, warms up, then takes its turns until BENCH_QUIT.
void bench_instance_run(const struct bench_spec *spec, struct bench_turns *turns,
                        struct bench_instance *instance, int self);

// Waits a moment for another thread or process.
void bench_rest(void);

// ---- all of them (measure.c) ----

struct bench_result {
    size_t batches;      // timed, over all instances
    double seconds;      // of the longest instance's turns
    double rate;         // pictures a second: the sum of the instances' own rates
    double *model, *e2e; // [batches] seconds, ascending
    double peak;         // GFLOP/s, median of the measurements
    double rss_mib;      // most that was ever held, shared pages once
    double pss_mib;      // at the end, likewise
    double *layers;      // [info.layer_count] seconds a picture
    uint64_t *macs;      // [info.layer_count] of a picture
    double gmac;         // of a picture
};

// ERR_INTERRUPTED when *cancel became true. Release the result in any case.
enum err_code bench_measure(const struct bench_spec *spec, const atomic_bool *cancel,
                            struct bench_result *out, struct err *e) MUST_CHECK;
void bench_result_release(struct bench_result *result);

// ---- what was found (print.c) ----

enum { BENCH_MAX_PERCENTILES = 16 };

struct bench_percentiles {
    double values[BENCH_MAX_PERCENTILES];
    int count;
};

// For people, in vamp's order and units.
void bench_print(const struct bench_spec *spec, const struct bench_result *result,
                 const struct bench_percentiles *percentiles);
void bench_print_layers(const struct bench_spec *spec, const struct bench_result *result);

// The caller's; with_layers adds a row a layer.
cJSON *bench_document(const struct bench_spec *spec, const struct bench_result *result,
                      const struct bench_percentiles *percentiles, bool with_layers);

#endif

#ifndef CLI_QUANTIZE_H
#define CLI_QUANTIZE_H

// Judging an int8 model by the float32 one that it was made from.

#include "cli/cmd.h"

#include "engine/quantize.h"
#include "pipeline/pipeline.h"

// One of the two on the same pictures.
struct quantize_side {
    size_t images, failed, labelled, top1, top5;
    struct eng_probe *probe;
    int *best; // [pictures] class, -1 where the picture failed
};

struct quantize_judgement {
    char *dataset; // or NULL: nothing was judged
    struct quantize_side float32, int8;
    size_t both, agreed; // pictures with two answers, and with two equal ones
    size_t probed;       // pictures that the layers were compared on
};

// Pictures of a dataset, by their places in it.
struct quantize_pictures {
    const struct ds *ds;
    const size_t *items;
    size_t count;
};

// Runs both on the same pictures of ds. ERR_INTERRUPTED; pictures that fail are counted.
enum err_code quantize_judge(const struct cli *cli, const struct pipe_setup *float32,
                             const struct pipe_setup *int8,
                             const struct quantize_pictures *on,
                             struct quantize_judgement *out, struct err *e) MUST_CHECK;
void quantize_judgement_release(struct quantize_judgement *j);

// How it was made.
struct quantize_account {
    const char *model, *out, *dataset, *method, *prep;
    double percentile, more_rows;
    size_t pictures, failed;
    int missing; // classes
    long long bytes;
};

// What stands in the file as xlens.calibration; malloc'ed.
char *quantize_calibration(const struct quantize_account *account) MUST_CHECK;

void quantize_print(const struct cli *cli, const struct quantize_account *account,
                    const struct eng_quant_layer *layers, int count,
                    const struct quantize_judgement *j);
enum err_code quantize_print_json(const struct quantize_account *account,
                                  const struct eng_quant_layer *layers, int count,
                                  const struct quantize_judgement *j,
                                  struct err *e) MUST_CHECK;

#endif

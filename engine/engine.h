#ifndef ENGINE_H
#define ENGINE_H

// From a tensor to logits. A model is opened once, immutable after that and shared by
// threads; a session is one caller's workspace on it. Knows nothing of pictures, labels
// on screen or SQL.

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What is multiplied. ENG_AS_STORED is only asked for: a model runs in one of the others.
enum eng_precision {
    ENG_FLOAT32,
    ENG_BF16,
    ENG_INT8,
    ENG_PRECISION_COUNT,
    ENG_AS_STORED
};

// Instruction sets in order; a cap uses nothing above it.
enum eng_isa {
    ENG_ISA_SCALAR,
    ENG_ISA_AVX2,
    ENG_ISA_AVXVNNI,
    ENG_ISA_AVX512,
    ENG_ISA_AVX512VNNI,
    ENG_ISA_AVX512BF16,
    ENG_ISA_COUNT
};

// Grows whenever the numbers of any precision may change: part of the cache key.
enum { ENG_NUMERIC_VERSION = 5 };

const char *eng_precision_name(enum eng_precision precision);
int eng_precision_find(const char *name); // -1 when there is none
const char *eng_isa_name(enum eng_isa isa);

// The best ISA of this CPU, or the one that `name` asks for (NULL: $XLENS_ISA, else
// best). ERR_USAGE when the name is unknown or the CPU lacks it.
enum err_code eng_isa_choose(const char *name, enum eng_isa *out,
                             struct err *e) MUST_CHECK;

struct eng_opts {
    const char *arch; // NULL: from the tensors
    const char *head; // safetensors with fc.weight and fc.bias, or NULL
    // ERR_UNSUPPORTED unless it is the one that the file was written for, or the file has
    // floats and shall run in another kind of floats.
    enum eng_precision precision;
    enum eng_isa isa;
};

struct eng_layer {
    const char *name;
    const char *op;     // "conv3x3", "depthwise3x3", "pointwise", "maxpool3x3", …
    const char *kernel; // chosen kernel, or "" where the step has none of its own
    int out_c, out_h, out_w;
    uint64_t params;
    uint64_t macs; // multiply-adds a picture
};

// What a model file says of itself, at its default input size.
struct eng_info {
    const char *path;
    const char *arch;      // "keras_xception", …
    const char *publisher; // "timm", "keras", "ppcls", "other"
    const char *format;    // "keras v3", "hdf5", "safetensors", "native", …
    enum eng_precision precision;
    enum eng_isa isa;
    int height, width;
    int classes;
    int features;          // pooled features in front of the classifier
    uint64_t params;       // trainable
    uint64_t params_stats; // batch-norm running statistics beside them
    uint64_t macs;
    // The publisher's own figures and how they count; NULL and 0 where there are none.
    const char *published;
    double published_params_m, published_work_g;
    const char *preset; // name of the preprocessing preset that fits the source
    double crop_pct;    // timm's, 0 when unknown
    const char *labels; // metadata: "imagenet-1k", a JSON array of names, or NULL
    char hash[33];      // hex of the source's (and head's) bytes: part of the cache key
    int layer_count;
    const struct eng_layer *layers;
};

struct eng_model;

enum err_code eng_model_open(const char *path, const struct eng_opts *opts,
                             struct eng_model **out, struct err *e) MUST_CHECK;
void eng_model_close(struct eng_model *model);

// Borrowed until the model is closed.
const struct eng_info *eng_model_info(const struct eng_model *model);

// Writes the native format: batch norm folded, metadata xlens.*. The same model gives the
// same bytes. ERR_EXISTS unless force. precision: in which the model is opened later;
// int8 only where it is stored so (quantize.h makes it).
enum err_code eng_convert(const char *path, const struct eng_opts *opts, const char *out,
                          bool force, struct err *e) MUST_CHECK;

struct eng_session;

// A workspace for inputs of one size and up to `batch` pictures, with its own team of
// `threads`. ERR_FORMAT when the size is too small for the network, ERR_LIMIT above 2^28
// pixels. One caller at a time.
enum err_code eng_session_open(const struct eng_model *model, int height, int width,
                               int batch, int threads, struct eng_session **out,
                               struct err *e) MUST_CHECK;
void eng_session_close(struct eng_session *session);

// Where results go; caller's memory, NULL for what is not wanted.
struct eng_output {
    float *logits;   // [n][classes], before any final softmax
    float *features; // [n][features], pooled
    float *map;      // [n][map_h][map_w][features], what the pooling sees (NHWC)
};

// input is float32 [n][3][height][width], RGB planes. The same bits whatever the thread
// count and the place in the batch. Cannot fail.
void eng_session_run(struct eng_session *session, const float *input, int n,
                     const struct eng_output *out);

// Extent of eng_output.map.
void eng_session_map_size(const struct eng_session *session, int *h, int *w);

// Seconds that the last run spent on each of info.layers; what runs inside another
// layer's step (a depthwise convolution, an add, a ReLU) counts there.
void eng_session_layer_seconds(const struct eng_session *session, double *seconds);

// Multiply-adds a picture of each of info.layers at the session's size.
void eng_session_layer_macs(const struct eng_session *session, uint64_t *macs);

// Multiply-add peak of the ISA with this many threads, GFLOP/s, measured for about 0.2 s.
double eng_peak_gflops(enum eng_isa isa, int threads);

#endif

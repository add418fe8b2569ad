#ifndef ENGINE_QUANTIZE_H
#define ENGINE_QUANTIZE_H

// From a float32 model to an int8 one, everything but pointwise convolutions and 3×3 ones
// at stride 1 staying float32 (xlens-model(5) has the arithmetic). A calibration watches
// twice what goes into each of them while pictures run: at first what values there are,
// from which the whole numbers follow that inputs become; then how these go together, for
// weights to be rounded so that one's error makes good another's.

#include "engine/engine.h"

// How far an input channel's values reach before they are clipped.
enum eng_calib_method {
    ENG_CALIB_PERCENTILE, // to a percentile of its values, at either end
    ENG_CALIB_MAX,        // to the largest
    ENG_CALIB_KL,         // to where its distribution changes least (Kullback–Leibler)
    ENG_CALIB_METHOD_COUNT
};

struct eng_quant_opts {
    enum eng_calib_method method;
    double percentile; // above 50, up to 100
    double min_sqnr;   // layers below it, in dB, stay float32; 0: none
    double more_rows; // 0 … 100: how many further rows (xlens-model(5)) a layer may give
                      // to channels of wide ranges at most, in percent of its channels
    const char *keep; // names of layers that stay, with commas; or NULL
};

// A convolution that can be int8.
struct eng_quant_layer {
    const char *name;
    int layer; // place in eng_info.layers
    int in, out;
    bool kept;   // it stays float32
    double sqnr; // dB of its int8 output to its float32 output, the rest being float32
};

struct eng_calib;

// opts: those that the model, ENG_FLOAT32, was opened with. pictures: how many will run.
enum err_code eng_calib_open(const struct eng_model *model, const struct eng_opts *opts,
                             size_t pictures, struct eng_calib **out,
                             struct err *e) MUST_CHECK;
void eng_calib_close(struct eng_calib *calib);

// eng_session_run on picture 0, 1, … of the calibration set, what goes in counted. Any
// thread; the outcome does not depend on the order.
void eng_calib_run(struct eng_calib *calib, struct eng_session *session,
                   const float *input, size_t picture, const struct eng_output *out);

// Between the two rounds of pictures: chooses the scales of inputs. ERR_USAGE when `keep`
// names what is no layer of the kind, ERR_FORMAT when values were not finite or nothing
// has been run.
enum err_code eng_calib_settle(struct eng_calib *calib, const struct eng_quant_opts *opts,
                               struct err *e) MUST_CHECK;

// After the second, with the same options: chooses weights. Once a calibration.
enum err_code eng_calib_quantize(struct eng_calib *calib,
                                 const struct eng_quant_opts *opts,
                                 struct err *e) MUST_CHECK;

// In the order of the network; borrowed until the next call with the calibration.
const struct eng_quant_layer *eng_calib_layers(const struct eng_calib *calib, int *count);

// Writes the native file; `calibration` is the JSON that says how it came about.
enum err_code eng_calib_write(struct eng_calib *calib, const char *calibration,
                              const char *path, bool force, struct err *e) MUST_CHECK;

// Outputs of a model's convolutions that can be int8, on up to `pictures` pictures, to
// be compared with those of the same network in another precision.
struct eng_probe;

enum err_code eng_probe_open(const struct eng_model *model, size_t pictures,
                             struct eng_probe **out, struct err *e) MUST_CHECK;
void eng_probe_close(struct eng_probe *probe);

// eng_session_run on picture 0, 1, …; beyond the probe's count nothing is kept.
void eng_probe_run(struct eng_probe *probe, struct eng_session *session,
                   const float *input, size_t picture, const struct eng_output *out);

// Signal to noise in dB of one layer's output (its place in eng_info.layers), a residual
// added to it included; NaN for a layer without one, infinite where all is equal.
double eng_probe_sqnr(const struct eng_probe *reference, const struct eng_probe *other,
                      int layer);

#endif

#ifndef ENG_MODEL_NET_H
#define ENG_MODEL_NET_H

// The one graph that every source format becomes and every plan starts from: a list of
// nodes in execution order, float32 weights, a few op kinds.

#include "engine/engine.h"

#include "base/err.h"
#include "base/file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum net_op {
    NET_INPUT,     // the picture, 3 channels
    NET_CONV,      // dense convolution, any kernel (pointwise is kernel 1)
    NET_DEPTHWISE, // one filter a channel
    NET_AFFINE,    // per channel y = weight·x + bias: batch norm at inference
    NET_RELU,
    NET_MAXPOOL, // pads with -inf
    NET_ADD,     // of two nodes
    NET_SCALE,   // y = scale·x (PaddleClas deeplab: 0.5 in front of the pooling)
    NET_GAP,     // mean over height and width
    NET_FC,      // dense layer on pooled features
    NET_OP_COUNT
};

// Padding that depends on the extent: Keras/TF SAME puts the odd pixel behind.
enum net_padding { NET_PAD_EXPLICIT, NET_PAD_SAME };

// What makes a convolution an int8 one, pointwise or 3×3 at stride 1. Its left side has a
// row for each input channel under each tap and, pointwise, `more` for channels that need
// finer steps. A channel with m rows is stored as
// q = clamp(round(x · in_scale[k] + in_zero[k]), 0, 255 m), of which its i-th row holds
// clamp(q − 255 i, 0, 255). With z_r for the same part of in_zero,
//     y_j = out_scale[j] · Σ_r (q_r − z_r) · weight[r][j] + bias[j].
// In each column the weights above zero of the rows 8i + {0, 1, 4, 5} sum to 128 at most,
// those below to −128 at least, and those of 8i + {2, 3, 6, 7} too (kern.h).
struct net_quant {
    float *in_scale;  // [in], > 0
    float *in_zero;   // [in], whole, 0 … 255 m
    float *in_more;   // [more], whole: channels of the rows behind the first `in`
    int more;         // whole blocks of 8, which `in` is then, too
    int8_t *weight;   // [taps · in + more][out]; in net.mapping where `borrowed`
    float *out_scale; // [out], > 0
    bool borrowed;
};

enum { NET_ROW_MOST = 255, NET_ROWS_A_CHANNEL = 16, NET_QUAD_MOST = 128 };

// The rows of a block of 8 whose weights share a bound.
extern const int net_quads[2][4];

// A row holds what of a channel's number is above `from`; input is the value's place in
// what the window sees, tap · in + channel.
struct net_row {
    int channel, from, input;
};

struct net_node {
    char *name;
    enum net_op op;
    int in[2];    // earlier nodes; -1 where unused
    int channels; // of the output
    int kernel_h, kernel_w, stride, dilation;
    enum net_padding padding;
    int pad_top, pad_left, pad_bottom, pad_right; // NET_PAD_EXPLICIT
    float scale;                                  // NET_SCALE
    // conv [kernel_h][kernel_w][in][out]; depthwise [kernel_h][kernel_w][channels];
    // affine [channels]; fc [in][out]. NULL where the op has none.
    float *weight;
    float *bias;             // [channels] or NULL
    struct net_quant *quant; // owned, or NULL; weight is NULL then
    bool borrowed;           // weight and bias lie in net.mapping; never written to
    uint64_t params;       // trainable numbers that this node (or what was folded in) had
    uint64_t params_stats; // running statistics beside them
};

struct net {
    struct net_node *nodes; // nodes[0] is NET_INPUT; the last one gives the logits
    int count;
    size_t cap;
    // What the source says of the model; "" or 0 when it does not.
    char arch[40];
    char publisher[16];
    char format[24];
    char preset[24];
    enum eng_precision precision; // that it was written for
    int height, width;
    double crop_pct;
    char *labels;              // malloc'ed or NULL, as in eng_info
    char *calibration;         // of int8 weights, JSON; malloc'ed or NULL
    struct file_bytes mapping; // what borrowed weights point into, or zeroed
    char **files;              // other files than the model's own that were read
    size_t file_count, file_cap;
};

void net_release(struct net *net);

// The bytes will not be read again: where they lie in net.mapping their memory is free.
void net_give_back(const struct net *net, const void *at, size_t bytes);

// int8 weights (net_quant.c). The check is part of net_check.
void net_quant_free(struct net_quant *quant); // NULL is fine
enum err_code net_quant_check(const struct net *net, int i, struct err *e) MUST_CHECK;

// The first column of [rows][out] in which rows sum to more than struct net_quant allows,
// or -1.
int net_quant_wide_column(const int8_t *weight, int rows, int out);

// Whether a convolution can be an int8 one, what its windows see (taps · in), and all
// rows.
bool net_quant_suits(const struct net *net, int i);
int net_quant_inputs(const struct net *net, int i);
int net_quant_row_count(const struct net *net, int i);

// What the rows hold, and what one holds of a channel's number.
void net_quant_rows(const struct net_quant *quant, int in, int inputs,
                    struct net_row *rows);
float net_row_part(struct net_row row, float number);

// Appends a zeroed node of this op and gives its index. name is copied; in1 is -1 for all
// but NET_ADD, both are for NET_INPUT.
int net_add(struct net *net, enum net_op op, const char *name, int in0, int in1);

// Notes a file that belongs to the model.
void net_add_file(struct net *net, const char *path);

// Drops the nodes from index `count` on.
void net_cut(struct net *net, int count);

// Shape of every node for one input size: hw[i] = {height, width}; channels are in the
// node. Also resolves NET_PAD_SAME. ERR_FORMAT when an extent would vanish or does not
// fit.
struct net_shape {
    int h, w;
    int pad_top, pad_left; // resolved
};
enum err_code net_shapes(const struct net *net, int height, int width,
                         struct net_shape *shapes, struct err *e) MUST_CHECK;

// Multiply-adds of a node at its shape.
uint64_t net_macs(const struct net *net, int i, const struct net_shape *shapes);

// Folds each NET_AFFINE into the convolution in front of it (double precision) when that
// one has no other reader, and drops it from the list.
enum err_code net_fold(struct net *net, struct err *e) MUST_CHECK;

// Number of inputs of a conv, depthwise or fc: channels of the node it reads.
int net_in_channels(const struct net *net, int i);

// Floats that node i must have as weight; 0 for ops without one.
size_t net_weight_count(const struct net *net, int i);

// What every reader calls last; the message names the node. Afterwards it holds that
// nodes[0] alone is NET_INPUT with 3 channels, inputs come before their readers, every
// node but the last is read, channel counts and kernel extents are sound, every weight is
// finite, and there is one NET_GAP with only NET_RELU and NET_FC behind it, the last an
// NET_FC.
enum err_code net_check(const struct net *net, struct err *e) MUST_CHECK;

// "pointwise", "conv3x3", "depthwise3x3", … for people; borrowed static text.
const char *net_op_name(const struct net_node *node);

#endif

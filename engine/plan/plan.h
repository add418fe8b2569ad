#ifndef ENG_PLAN_H
#define ENG_PLAN_H

// From a folded net to a list of steps with packed weights. A step computes the value of
// one node and may take in its neighbours: the depthwise convolution or the ReLU in front
// of a pointwise one, the residual add and the ReLU behind. The patterns depend on the
// graph alone; extents come with a session (layout.h). Immutable once built.

#include "engine/kern/codes.h"
#include "engine/kern/kern.h"
#include "engine/model/net.h"
#include "engine/plan/memory.h"

enum step_kind {
    STEP_PICTURE,  // RGB planes to NHWC, where something other than a convolution reads
                   // them
    STEP_GEMM,     // convolution or dense layer
    STEP_WINOGRAD, // dense 3×3 at stride 1, as 36 GEMMs on transformed tiles
    STEP_DEPTHWISE,
    STEP_MAXPOOL,
    STEP_AFFINE, // whatever works value by value: affine, scale, add, ReLU
    STEP_MEAN,
};

// What fills the GEMM's left panel.
enum step_feed { FEED_GATHER, FEED_DEPTHWISE, FEED_PICTURE };

struct plan_step {
    enum step_kind kind;
    enum step_feed feed;
    int node;   // whose value is written
    int main;   // the convolution, pooling, … itself
    int window; // the node whose window slides over src: main, or the depthwise in front
    int src;    // node whose value is read
    int add;    // node whose value is added, or -1
    bool relu_in, relu_mid, relu;
    int in_blocks, out_blocks; // of channels
    int k_blocks;              // GEMM: rows of b in blocks
    enum kern_element element; // GEMM: of the left panel
    bool strassen;             // GEMM: by seven products (strassen.h)
    bool coded; // KERN_U8 under a window: pixels become codes before taps are taken
    kern_gemm_fn *gemm;
    const struct kern_about *tile; // its extents
    // GEMM: column panels as kern.h says of its family, tile->cols wide, the last one
    // maybe narrower; Winograd: 36 such a panel. Others: float.
    const void *weight;
    const float *scale; // KERN_U8: of the sums
    const float *bias;
    // KERN_U8 with more rows than channels: what those hold, [k_blocks - in_blocks][8].
    // Numbers of 16 bits are fed then, and spread over rows.
    const struct kern_row *more;
    // Depthwise in front: [in_blocks][taps][8]; KERN_U8 without one: scale and shift of
    // what is gathered, [in_blocks][8].
    const float *feed_weight, *feed_bias;
};

struct plan {
    struct net net; // without its weights
    struct kern_set kern;
    int panel_bytes; // of a GEMM's left side that a thread keeps in its L2 cache
    int band_bytes;  // of all that it keeps there between the steps of a band
    int band_rows;   // of output that it must have for a band to pay
    struct memory weights;
    struct plan_step *steps;
    int count;
    const char *
        *kernels; // [net.count] what computes the node, "" when another's step does
    int pooled;   // the global pooling
};

// Takes the net: it is released with the plan, on failure too.
// precision: ENG_INT8 needs net_quant at the convolutions that shall run so.
enum err_code plan_open(struct net *net, enum eng_isa isa, enum eng_precision precision,
                        struct plan *plan, struct err *e) MUST_CHECK;
void plan_release(struct plan *plan);

// Channels in blocks.
int plan_blocks(int channels);

// Packs the weights of all steps and frees the net's copies on the way (pack.c).
enum err_code plan_pack(struct plan *plan, struct err *e) MUST_CHECK;

#endif

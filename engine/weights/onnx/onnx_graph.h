#ifndef ENG_WEIGHTS_ONNX_GRAPH_H
#define ENG_WEIGHTS_ONNX_GRAPH_H

// What the onnx_*.c files share while a graph is walked. Paddle's reader turns its ops
// into nodes of ONNX and walks with them; nobody else comes here.

#include "engine/model/net.h"
#include "engine/weights/bag.h"

#include "base/err.h"
#include "base/file.h"
#include "base/lookup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct Onnx__Node;
struct Onnx__Tensor;

// What a name of the graph stands for.
enum onnx_kind {
    ONNX_MAP,    // feature map, channels in front
    ONNX_LAST,   // feature map, channels last
    ONNX_VECTOR, // pooled features and what comes after them
    ONNX_CONST,
    ONNX_SHAPE // extents that the graph computes for a reshape: of no interest here
};

struct onnx_value {
    enum onnx_kind kind;
    int node;        // of the net: map and vector
    bool flat;       // vector: [n][c], not [n][c][1][1]
    bool softmax;    // vector: probabilities, which end the network
    size_t constant; // number of the tensor in the bag
    int pad[4];      // map: top, left, bottom, right, still to be padded
    double pad_value;
};

struct onnx_build {
    const char *path;
    struct net *net;
    struct bag bag; // constants by their names
    struct lookup names;
    struct onnx_value *values; // beside names
    size_t cap;
    struct onnx_external {
        char *location;
        struct file_bytes bytes;
    } * external;
    size_t external_count, external_cap;
    int64_t opset;
};

// ---- onnx_value.c ----

// The value of a name; NULL when no earlier node made it.
const struct onnx_value *onnx_value_find(const struct onnx_build *b, const char *name);

// ERR_FORMAT when the name is taken.
enum err_code onnx_value_set(struct onnx_build *b, const char *name,
                             struct onnx_value value, struct err *e) MUST_CHECK;
void onnx_value_release(struct onnx_build *b);

// ---- onnx.c ----

// The picture that the network reads, [n, 3, h, w] or [n, h, w, 3]; an extent that is not
// known is 0 or negative.
enum err_code onnx_picture_add(struct onnx_build *b, const char *name,
                               const int64_t extents[4], struct err *e) MUST_CHECK;

// Whether this value is what the last node of the net gives.
enum err_code onnx_output_check(const struct onnx_build *b, const char *name,
                                struct err *e) MUST_CHECK;
void onnx_build_release(struct onnx_build *b);

// ---- onnx_tensor.c ----

// Makes a constant of a tensor under this name.
enum err_code onnx_tensor_add(struct onnx_build *b, const struct Onnx__Tensor *tensor,
                              const char *name, struct err *e) MUST_CHECK;

// The same of a tensor that is bytes already; its name is that of the constant.
enum err_code onnx_constant_add(struct onnx_build *b, const struct bag_tensor *tensor,
                                const char *name, struct err *e) MUST_CHECK;
void onnx_tensor_release(struct onnx_build *b);

// The tensor of a constant; good until the next one is added.
const struct bag_tensor *onnx_tensor_of(const struct onnx_build *b,
                                        const struct onnx_value *constant);
size_t onnx_tensor_count(const struct bag_tensor *t);

// Up to `max` whole numbers; their count, or -1 when the tensor holds something else.
int onnx_tensor_ints(const struct bag_tensor *t, int max, int64_t *out);

// ---- onnx_attr.c ----

int64_t onnx_attr_int(const struct Onnx__Node *n, const char *name, int64_t fallback);
double onnx_attr_float(const struct Onnx__Node *n, const char *name, double fallback);

// Up to `max` numbers; their count, 0 when there is no such attribute.
int onnx_attr_ints(const struct Onnx__Node *n, const char *name, int max, int64_t *out);

// Whether a text attribute reads so; `absent` when there is none.
bool onnx_attr_is(const struct Onnx__Node *n, const char *name, const char *text,
                  bool absent);
const struct Onnx__Tensor *onnx_attr_tensor(const struct Onnx__Node *n, const char *name);

// Axes from the attribute, or from input 1 where newer opsets have them; none of them
// negative for this rank. Their count, -1 when they are not known.
int onnx_attr_axes(const struct onnx_build *b, const struct Onnx__Node *n, int rank,
                   int max, int64_t *out);

// ---- nodes ----

// "FILE: node NAME (OP): text".
enum err_code onnx_refuse(const struct onnx_build *b, const struct Onnx__Node *n,
                          struct err *e, const char *fmt, ...) PRINTF_LIKE(4, 5);

// Input k when it is of this kind, else NULL.
const struct onnx_value *onnx_in(const struct onnx_build *b, const struct Onnx__Node *n,
                                 size_t k, enum onnx_kind kind);

// Makes `value` what the node's output stands for.
enum err_code onnx_out(struct onnx_build *b, const struct Onnx__Node *n,
                       struct onnx_value value, struct err *e) MUST_CHECK;

// Appends a net node of this op that reads `in`, with its channels, and gives it as the
// value of a map or vector like `in`.
struct onnx_value onnx_add(struct onnx_build *b, const struct Onnx__Node *n,
                           enum net_op op, const struct onnx_value *in);

typedef enum err_code onnx_op_fn(struct onnx_build *b, const struct Onnx__Node *n,
                                 struct err *e);

// Layers with weights or windows (onnx_layer.c); what else there is stays in onnx_op.c.
onnx_op_fn onnx_conv, onnx_batch_norm, onnx_max_pool, onnx_gemm, onnx_mat_mul, onnx_arith;

// Runs a node; ERR_UNSUPPORTED names an op that is not known.
enum err_code onnx_node_run(struct onnx_build *b, const struct Onnx__Node *n,
                            struct err *e) MUST_CHECK;

#endif

#ifndef ENG_WEIGHTS_PADDLE_GRAPH_H
#define ENG_WEIGHTS_PADDLE_GRAPH_H

// What both kinds of programs become: ops with operands in one order and attributes under
// one name, each of which is then walked as the ONNX node of the same meaning.

#include "engine/weights/onnx/onnx_graph.h"

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The nodes that ops become are written as this opset has them.
enum { PADDLE_OPSET = 13 };

enum { PADDLE_MAX_IN = 5, PADDLE_MAX_ATTRS = 64, PADDLE_MAX_INTS = 8 };

struct paddle_attr {
    const char *name;
    int64_t ints[PADDLE_MAX_INTS]; // whole numbers and booleans
    int count;                     // of ints
    double real;                   // a number of either kind
    const char *text;              // NULL when it is none
};

struct paddle_op {
    const char *type;
    const char *in[PADDLE_MAX_IN]; // NULL where absent
    const char *out;
    struct paddle_attr attrs[PADDLE_MAX_ATTRS];
    int attr_count;
};

// How the operands of an op are called in Paddle 2 ("Input Filter"), how its result is,
// and where they stand among the operands of Paddle 3 ("01"). False: no such op.
bool paddle_op_slots(const char *type, const char **in, const char **out,
                     const char **order);

// A fresh attribute of the op; NULL when there are too many.
struct paddle_attr *paddle_attr_add(struct paddle_op *op, const char *name);

// NULL when the op has no such attribute.
const struct paddle_attr *paddle_attr_find(const struct paddle_op *op, const char *name);

// Walks an op. ERR_UNSUPPORTED names it where it is not understood.
enum err_code paddle_op_run(struct onnx_build *b, const struct paddle_op *op,
                            struct err *e) MUST_CHECK;

enum err_code paddle_op_refuse(const struct onnx_build *b, const struct paddle_op *op,
                               struct err *e, const char *fmt, ...) PRINTF_LIKE(4, 5);

// ---- weights ----

struct paddle_param {
    const char *name;  // in the order of which the file holds them
    const char *value; // its name in the graph
    int ndim;
    int64_t dims[BAG_MAX_DIMS];
};

// Opens the .pdiparams beside `path` and makes each parameter a constant. Orders params.
enum err_code paddle_tensors_read(struct onnx_build *b, struct paddle_param *params,
                                  size_t count, struct err *e) MUST_CHECK;

// Names the finished net.
void paddle_describe(struct net *net, const char *format);

#endif

#ifndef TESTS_SUPPORT_ONNX_EDIT_H
#define TESTS_SUPPORT_ONNX_EDIT_H

// ONNX models of the reference folder, taken apart to be changed in one place. What is
// not there to be changed ends the test program.

#include "engine/model/net.h"

#include "base/err.h"
#include "base/file.h"

#include <stddef.h>
#include <stdint.h>

// As onnx.pb-c.h has them, which only the build makes.
struct Onnx__Model;
struct Onnx__Node;
struct Onnx__Attribute;
struct Onnx__Tensor;

enum onnx_type { ONNX_FLOAT = 1, ONNX_INT64 = 7, ONNX_FLOAT16 = 10, ONNX_BFLOAT16 = 16 };

// A file of models/tiny.
struct Onnx__Model *onnx_edit_load(const char *file);

// The model with its batch norms that most tests change.
struct Onnx__Model *onnx_edit_micro(void);

// The model as a file in malloc'ed memory.
struct file_bytes onnx_edit_pack(const struct Onnx__Model *m);

// The model as a file, opened under this path; frees it.
enum err_code onnx_edit_open_take(struct Onnx__Model *m, const char *path,
                                  struct net *net, struct err *e) MUST_CHECK;

// The model as a file must not open, with an error that says so; frees it.
void onnx_edit_refused(struct Onnx__Model *m, const char *says);

void onnx_edit_text(char **field, const char *text);

// The first node of an op, its attribute, an initializer, the weights of the first Conv.
struct Onnx__Node *onnx_edit_op(const struct Onnx__Model *m, const char *op);
struct Onnx__Attribute *onnx_edit_attribute(const struct Onnx__Node *n, const char *name);
struct Onnx__Tensor *onnx_edit_tensor(const struct Onnx__Model *m, const char *name);
struct Onnx__Tensor *onnx_edit_weights(const struct Onnx__Model *m);

// One more item (malloc'ed) at the end of a repeated field; gives the field.
void *onnx_edit_append(void *array, size_t *count, void *item);

// One more input of a node.
void onnx_edit_add_input(struct Onnx__Node *n, const char *name);

struct Onnx__Attribute *onnx_edit_add_attribute(struct Onnx__Node *n, const char *name);
void onnx_edit_ints(struct Onnx__Attribute *a, size_t count, const int64_t *values);

// A new initializer of raw data.
void onnx_edit_add_tensor(struct Onnx__Model *m, const char *name, enum onnx_type type,
                          size_t ndim, const int64_t *dims, const void *data);
void onnx_edit_clear_raw(struct Onnx__Tensor *t);

// A node in place `at` of the graph that reads `a` (and `b`) and makes `output`.
struct Onnx__Node *onnx_edit_insert(struct Onnx__Model *m, size_t at, const char *op,
                                    const char *a, const char *b, const char *output);
size_t onnx_edit_place(const struct Onnx__Model *m, const struct Onnx__Node *n);

#endif

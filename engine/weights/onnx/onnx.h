#ifndef ENG_WEIGHTS_ONNX_H
#define ENG_WEIGHTS_ONNX_H

// ONNX models, opset 9 to 21, read by walking the graph: whatever network is made of the
// op kinds of engine/model/net.h, exported by whomever. Anything else is refused by op
// and node.

#include "engine/model/net.h"

#include "base/err.h"
#include "base/file.h"

#include <stdbool.h>

bool onnx_is(const struct file_bytes *bytes);

// External data is looked for beside `path`, never outside of that folder.
enum err_code onnx_open(const struct file_bytes *bytes, const char *path, struct net *out,
                        struct err *e) MUST_CHECK;

#endif

#ifndef ENG_WEIGHTS_PADDLE_H
#define ENG_WEIGHTS_PADDLE_H

// Inference models of Paddle: a program beside its weights. Paddle 2 writes a protobuf
// (.pdmodel), Paddle 3 JSON (inference.json); the weights are in a .pdiparams of the same
// stem.

#include "engine/model/net.h"

#include "base/err.h"
#include "base/file.h"

#include <stdbool.h>

bool paddle_program_is(const struct file_bytes *bytes);
enum err_code paddle_program_open(const struct file_bytes *bytes, const char *path,
                                  struct net *out, struct err *e) MUST_CHECK;

bool paddle_pir_is(const struct file_bytes *bytes);
enum err_code paddle_pir_open(const struct file_bytes *bytes, const char *path,
                              struct net *out, struct err *e) MUST_CHECK;

#endif

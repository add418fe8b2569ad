#ifndef ENG_WEIGHTS_PICKLE_PADDLE_PARAMS_H
#define ENG_WEIGHTS_PICKLE_PADDLE_PARAMS_H

// .pdparams as Paddle saves a state dict: one pickle, structured name → numpy array.

#include "engine/weights/bag.h"

#include "base/err.h"

// Whether a file can be such a pickle.
bool paddle_params_is(const uint8_t *data, size_t len);

// Fills an empty bag, which takes the bytes (also on failure); its tensors lie in them.
enum err_code paddle_params_read(struct file_bytes *bytes, const char *path,
                                 struct bag *out, struct err *e) MUST_CHECK;

#endif

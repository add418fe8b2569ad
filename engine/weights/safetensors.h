#ifndef ENG_WEIGHTS_SAFETENSORS_H
#define ENG_WEIGHTS_SAFETENSORS_H

// The container "safetensors": a JSON header with names, types, shapes and offsets, then
// the bytes. The native format, timm's state dicts and classifier heads come in it.

#include "engine/weights/bag.h"

#include "base/err.h"
#include "base/file.h"

#include <stdbool.h>

bool safetensors_is(const struct file_bytes *bytes);

// Fills an empty bag, which takes the bytes (also on failure); its tensors lie in them.
// ERR_FORMAT: offsets outside of the file or overlapping, sizes that do not fit shapes,
// names twice.
enum err_code safetensors_read(struct file_bytes *bytes, const char *path,
                               struct bag *out, struct err *e) MUST_CHECK;

#endif

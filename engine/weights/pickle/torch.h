#ifndef ENG_WEIGHTS_PICKLE_TORCH_H
#define ENG_WEIGHTS_PICKLE_TORCH_H

// State dicts as torch saves them: zip archives (.pth, also TorchScript .pt) and the
// older single files. Dicts nested under state_dict_ema, state_dict or model are found,
// the prefix "module." falls.

#include "engine/weights/bag.h"

#include "archive/archive.h"
#include "base/err.h"

#include <stdbool.h>

// Whether a zip is one of torch's, and whether it is a TorchScript module.
bool torch_zip_is(const struct zip_reader *zip);
bool torch_zip_is_script(const struct zip_reader *zip);

// Fills an empty bag.
enum err_code torch_zip_read(struct zip_reader *zip, const char *path, struct bag *out,
                             struct err *e) MUST_CHECK;

// Whether a file begins as the older format does.
bool torch_legacy_is(const uint8_t *data, size_t len);

// Fills an empty bag, which takes the bytes (also on failure); its tensors lie in them.
enum err_code torch_legacy_read(struct file_bytes *bytes, const char *path,
                                struct bag *out, struct err *e) MUST_CHECK;

#endif

#ifndef ENG_WEIGHTS_PICKLE_TORCH_DICT_H
#define ENG_WEIGHTS_PICKLE_TORCH_DICT_H

// What both of torch's containers share: which storages a pickle speaks of, and the way
// from its values to named tensors.

#include "engine/weights/bag.h"
#include "engine/weights/pickle/pickle.h"

#include "base/err.h"

// Memory that tensors are views of; key as in the pickle.
struct torch_storage {
    const char *key;
    size_t key_len;
    enum bag_dtype dtype;
    size_t elements, bytes; // by the pickle
    const uint8_t *data;    // NULL until the container has found it
};

struct torch_storages {
    struct torch_storage *all; // ordered by key
    size_t count, cap;
    size_t bytes; // of all together
};

// The names that torch's pickles may ask for.
bool torch_allows(const char *name);

// Collects the storages of a pickle, each once. ERR_UNSUPPORTED names an unknown type.
enum err_code torch_storages_list(const struct pickle *p, const char *path,
                                  struct torch_storages *out, struct err *e) MUST_CHECK;
struct torch_storage *torch_storages_find(const struct torch_storages *all,
                                          const char *key, size_t key_len);
void torch_storages_release(struct torch_storages *all);

// Adds the tensors of the state dict, or of a TorchScript module with all its parts, to
// the bag. All storages have data.
enum err_code torch_dict_add(const struct pickle *p, const struct torch_storages *all,
                             struct bag *bag, struct err *e) MUST_CHECK;

#endif

#ifndef ENG_WEIGHTS_BAG_H
#define ENG_WEIGHTS_BAG_H

// Named tensors as a state-dict file holds them, before anybody knows what they mean.
// Readers fill a bag; an architecture (engine/model/arch.h) empties it into a net.

#include "base/err.h"
#include "base/file.h"
#include "base/lookup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bag_dtype {
    BAG_F32,
    BAG_F16,
    BAG_BF16,
    BAG_F64,
    BAG_I8,
    BAG_I64,
    BAG_OTHER, // anything of one byte an element that no network reads
    BAG_DTYPE_COUNT
};
enum { BAG_MAX_DIMS = 8 };

struct bag_tensor {
    char *name;
    enum bag_dtype dtype;
    int ndim;
    size_t shape[BAG_MAX_DIMS];
    const void *data; // C order, little-endian, maybe unaligned; borrowed from the bag
    size_t bytes;
    bool used; // taken by the architecture
};

struct bag {
    char *path; // for messages
    struct bag_tensor *tensors;
    size_t count, cap;
    struct lookup names;    // tensors[i].name is names.all[i]
    struct file_bytes file; // mapping that tensors point into, or zeroed
    void **blocks;          // malloc'ed memory that tensors point into
    size_t block_count, block_cap;
    // Metadata as text pairs (safetensors "__metadata__"), or empty.
    char **meta;                 // key, value, key, value, …
    size_t meta_count, meta_cap; // in strings
};

void bag_release(struct bag *bag);

// Bytes of one element; BAG_OTHER counts as 0: its size is not checked.
size_t bag_dtype_size(enum bag_dtype dtype);

// Appends a tensor (name copied). ERR_FORMAT on a duplicate name, on more than
// BAG_MAX_DIMS dimensions, or when bytes is not the product of the shape.
enum err_code bag_add(struct bag *bag, const struct bag_tensor *tensor,
                      struct err *e) MUST_CHECK;

// The same for elements that lie `strides` elements apart, starting at tensor->data, in
// memory of tensor->bytes: copied into C order where they do not lie so. ERR_FORMAT when
// the tensor reaches beyond the memory or has more elements than it.
enum err_code bag_add_strided(struct bag *bag, const struct bag_tensor *tensor,
                              const size_t *strides, struct err *e) MUST_CHECK;

// The bag becomes the owner of malloc'ed memory.
void bag_take_block(struct bag *bag, void *block);

// Appends a metadata pair (copied).
void bag_add_meta(struct bag *bag, const char *key, const char *value);

// NULL when there is none.
const struct bag_tensor *bag_find(const struct bag *bag, const char *name);
const char *bag_meta(const struct bag *bag, const char *key); // NULL when absent

// Whether any tensor's name begins with `prefix`.
bool bag_has_prefix(const struct bag *bag, const char *prefix);

// A tensor as float32 in fresh memory, marked used. shape holds ndim extents that it must
// have; an extent of 0 accepts any and is filled in. ERR_FORMAT: missing (with the
// nearest name), another shape, a type that is not a float, NaN or infinity (with its
// place).
enum err_code bag_floats(struct bag *bag, const char *name, int ndim, size_t *shape,
                         float **out, struct err *e) MUST_CHECK;

// Names a tensor that no one used, as an error; single integers (num_batches_tracked) and
// names that `ignore` accepts (NULL: none) do not count.
typedef bool bag_ignore_fn(const char *name);
enum err_code bag_all_used(const struct bag *bag, bag_ignore_fn *ignore,
                           struct err *e) MUST_CHECK;

#endif

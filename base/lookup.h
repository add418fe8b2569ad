#ifndef BASE_LOOKUP_H
#define BASE_LOOKUP_H

// Distinct names, numbered in the order in which they came: the index beside an array of
// things with names. `struct lookup l = {0};` is an empty one.

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lookup {
    char **all; // owned
    size_t count, cap;
    uint32_t *slots; // hash table: 1 + number of a name, or 0
    size_t slot_count;
};

enum { LOOKUP_NONE = -1 };

// Number of a name, or LOOKUP_NONE.
ptrdiff_t lookup_find(const struct lookup *l, const char *name);

// Adds a copy of a name that is not there yet. False when memory is out.
bool lookup_add(struct lookup *l, const char *name) MUST_CHECK;

void lookup_release(struct lookup *l);

#endif

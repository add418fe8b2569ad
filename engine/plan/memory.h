#ifndef ENG_PLAN_MEMORY_H
#define ENG_PLAN_MEMORY_H

// One large block, zeroed, aligned to huge pages, and in such as far as they are filled
// with what is in use all the time; pages that are never touched cost nothing.

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

enum { MEMORY_ALIGN = 64 };

struct memory {
    float *start;
    void *mapping;
    size_t mapped;
};

// The first `busy` of so many floats are what is in use all the time.
bool memory_open(struct memory *m, size_t floats, size_t busy) MUST_CHECK;
void memory_release(struct memory *m);

// Rounds a count of floats up to whole cache lines.
size_t memory_round(size_t floats);

#endif

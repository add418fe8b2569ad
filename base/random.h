#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

// Chance that is the same in every run.

#include <stddef.h>
#include <stdint.h>

// Brings n indices into the random order that belongs to the seed.
void random_shuffle(size_t *indices, size_t n, uint64_t seed);

#endif

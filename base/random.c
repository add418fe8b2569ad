#include "base/random.h"

// splitmix64 (Steele et al. 2014).
static uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void random_shuffle(size_t *indices, size_t n, uint64_t seed)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)(random_next(&seed) % i), keep = indices[i - 1];
        indices[i - 1] = indices[j];
        indices[j] = keep;
    }
}

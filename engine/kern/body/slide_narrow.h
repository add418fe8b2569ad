// A vec of one block for gather.h, maxpool.h and slide.h, over the vocabulary of
// vec_<isa>.h and of put.h.

#include "engine/kern/vec/place.h"

#define WIDEST ONE

static ALWAYS_INLINE vec load(const float *p, enum blocks n)
{
    (void)n;
    return vec_load(p);
}

static ALWAYS_INLINE vec load_apart(const float *p, ptrdiff_t apart, enum blocks n)
{
    (void)apart, (void)n;
    return vec_load(p);
}

static ALWAYS_INLINE void store(float *p, vec v, enum blocks n)
{
    (void)n;
    vec_store(p, v);
}

static ALWAYS_INLINE void put_one(const struct place *to, ptrdiff_t at, vec v)
{
    put(to->dst, at, to->element, v);
}

static ALWAYS_INLINE void put_neighbours(const struct place *to, ptrdiff_t at,
                                         ptrdiff_t pixel, vec a, vec b)
{
    put_pair(to->dst, at, pixel, to->element, a, b);
}

#include "engine/kern/body/gather.h"
#include "engine/kern/body/maxpool.h"
#include "engine/kern/body/slide.h"

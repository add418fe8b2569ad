#ifndef ENG_KERN_VEC_SCALAR_H
#define ENG_KERN_VEC_SCALAR_H

// Eight floats in plain C, for the bodies shared by all instruction sets.

#include "base/attr.h"

#include <string.h>

typedef struct {
    float lane[8];
} vec;

#define VEC_EACH(expr)                                                                   \
    vec r;                                                                               \
    for (int i = 0; i < 8; i++)                                                          \
        r.lane[i] = (expr);                                                              \
    return r

static ALWAYS_INLINE vec vec_load(const float *p)
{
    vec r;
    memcpy(&r, p, sizeof r);
    return r;
}

static ALWAYS_INLINE void vec_store(float *p, vec v)
{
    memcpy(p, &v, sizeof v);
}

static ALWAYS_INLINE vec vec_set(float x)
{
    VEC_EACH(x);
}

static ALWAYS_INLINE vec vec_add(vec a, vec b)
{
    VEC_EACH(a.lane[i] + b.lane[i]);
}

static ALWAYS_INLINE vec vec_sub(vec a, vec b)
{
    VEC_EACH(a.lane[i] - b.lane[i]);
}

static ALWAYS_INLINE vec vec_mul(vec a, vec b)
{
    VEC_EACH(a.lane[i] * b.lane[i]);
}

// a · b + c
static ALWAYS_INLINE vec vec_fma(vec a, vec b, vec c)
{
    VEC_EACH(a.lane[i] * b.lane[i] + c.lane[i]);
}

// Zero where a is negative.
static ALWAYS_INLINE vec vec_relu(vec a)
{
    VEC_EACH(a.lane[i] > 0 ? a.lane[i] : 0);
}

static ALWAYS_INLINE vec vec_max(vec a, vec b)
{
    VEC_EACH(a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]);
}

#undef VEC_EACH

#endif

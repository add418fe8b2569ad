#ifndef ENG_KERN_VEC_SCALAR_H
#define ENG_KERN_VEC_SCALAR_H

// Eight floats in plain C, for the bodies shared by all instruction sets. With VEC_FUSED
// a multiply-add rounds once, as the other instruction sets' do: their bits, at a tenth
// of the speed, for int8 models, whose results are the same everywhere.

#include "engine/kern/element.h"

#include "base/attr.h"

#include <math.h>
#include <stdint.h>
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
static ALWAYS_INLINE float multiply_add(float a, float b, float c)
{
#ifdef VEC_FUSED
    return fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

static ALWAYS_INLINE vec vec_fma(vec a, vec b, vec c)
{
    VEC_EACH(multiply_add(a.lane[i], b.lane[i], c.lane[i]));
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

// To bfloat16, rounded to even.
static ALWAYS_INLINE void vec_store_bf16(uint16_t *p, vec v)
{
    uint32_t bits[8];
    memcpy(bits, &v, sizeof bits);
    for (int i = 0; i < 8; i++)
        p[i] = (uint16_t)((bits[i] + 0x7fff + (bits[i] >> 16 & 1)) >> 16);
}

static ALWAYS_INLINE void vec_store_bf16_pair(uint16_t *p, vec a, vec b)
{
    vec_store_bf16(p, a);
    vec_store_bf16(p + 8, b);
}

// To a whole number 0 … most, rounded to even.
static ALWAYS_INLINE int to_whole(float x, float most)
{
    const float whole = 0x1p23F; // has no bits behind the point
    x = x < most ? x : most;
    x = x > 0 ? x : 0;
    return (int)(x + whole - whole);
}

static ALWAYS_INLINE void vec_store_u8(uint8_t *p, vec v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)to_whole(v.lane[i], KERN_U8_MOST);
}

static ALWAYS_INLINE void vec_store_u12(uint16_t *p, vec v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint16_t)to_whole(v.lane[i], KERN_U12_MOST);
}

static ALWAYS_INLINE void vec_store_u12_pair(uint16_t *p, vec a, vec b)
{
    vec_store_u12(p, a);
    vec_store_u12(p + 8, b);
}

static ALWAYS_INLINE void vec_store_u8_pair(uint8_t *p, vec a, vec b)
{
    vec_store_u8(p, a);
    vec_store_u8(p + 8, b);
}

// Thirty-two, side by side.
static ALWAYS_INLINE void vec_store_u8_four(uint8_t *p, const float *from)
{
    for (int i = 0; i < 4; i++)
        vec_store_u8(p + 8 * i, vec_load(from + 8 * i));
}

#endif

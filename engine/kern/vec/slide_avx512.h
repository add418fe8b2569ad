#ifndef ENG_KERN_VEC_SLIDE_AVX512_H
#define ENG_KERN_VEC_SLIDE_AVX512_H

// A vec of two blocks for gather.h, maxpool.h and slide.h of body/, in 512 bits: half the
// instructions for the same multiply-adds, which is faster also where a unit takes them
// in two steps: on Zen 4 (24 November 2026) 78 % of the peak instead of 75 to float, 70
// instead of 61 to u8. Includers may say VEC_AVX512BF16.

#include "engine/kern/kern.h"
#include "engine/kern/vec/place.h"

#include "base/attr.h"

#include <immintrin.h>

typedef __m512 vec;

#define WIDEST TWO

static ALWAYS_INLINE vec load(const float *p, enum blocks n)
{
    return n == TWO ? _mm512_loadu_ps(p) : _mm512_castps256_ps512(_mm256_loadu_ps(p));
}

static ALWAYS_INLINE void store(float *p, vec v, enum blocks n)
{
    if (n == TWO)
        _mm512_storeu_ps(p, v);
    else
        _mm256_storeu_ps(p, _mm512_castps512_ps256(v));
}

static ALWAYS_INLINE vec load_apart(const float *p, ptrdiff_t apart, enum blocks n)
{
    vec one = _mm512_castps256_ps512(_mm256_loadu_ps(p));
    return n == TWO ? _mm512_insertf32x8(one, _mm256_loadu_ps(p + apart), 1) : one;
}

static ALWAYS_INLINE vec vec_add(vec a, vec b)
{
    return _mm512_add_ps(a, b);
}

static ALWAYS_INLINE vec vec_max(vec a, vec b)
{
    return _mm512_max_ps(a, b);
}

static ALWAYS_INLINE vec vec_mul(vec a, vec b)
{
    return _mm512_mul_ps(a, b);
}

static ALWAYS_INLINE vec vec_fma(vec a, vec b, vec c)
{
    return _mm512_fmadd_ps(a, b, c);
}

// As integers, see vec_avx2.h.
static ALWAYS_INLINE vec relu_if(bool relu, vec a)
{
    __m512i bits = _mm512_castps_si512(a);
    return relu ? _mm512_castsi512_ps(_mm512_max_epi32(bits, _mm512_setzero_si512())) : a;
}

static ALWAYS_INLINE __m256 half_of(vec v, int half)
{
    return half ? _mm512_extractf32x8_ps(v, 1) : _mm512_castps512_ps256(v);
}

static ALWAYS_INLINE __m256i to_bf16(vec v)
{
#ifdef VEC_AVX512BF16
    return (__m256i)_mm512_cvtneps_pbh(v);
#else
    __m512i bits = _mm512_castps_si512(v);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    bits = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(bits, 16));
#endif
}

// To whole numbers up to `most`, rounded to even; below zero it is for packing to clamp.
static ALWAYS_INLINE __m512i to_whole(vec v, float most)
{
    return _mm512_cvtps_epi32(_mm512_min_ps(v, _mm512_set1_ps(most)));
}

// Elements of 16 bits.
static ALWAYS_INLINE __m256i to_half(enum kern_element element, vec v)
{
    if (element == KERN_BF16)
        return to_bf16(v);
    __m512i whole = to_whole(v, KERN_U12_MOST);
    return _mm512_cvtepi32_epi16(_mm512_max_epi32(whole, _mm512_setzero_si512()));
}

static ALWAYS_INLINE __m128i to_u8(vec v)
{
    __m512i whole = to_whole(v, KERN_U8_MOST);
    return _mm512_cvtepi32_epi8(_mm512_max_epi32(whole, _mm512_setzero_si512()));
}

static ALWAYS_INLINE void put_one(const struct place *to, ptrdiff_t at, vec v)
{
    if (to->element == KERN_F32) {
        float *dst = (float *)to->dst + at;
        _mm256_storeu_ps(dst, half_of(v, 0));
        if (to->n == TWO)
            _mm256_storeu_ps(dst + to->block, half_of(v, 1));
    } else if (to->element != KERN_U8) {
        uint16_t *dst = (uint16_t *)to->dst + at;
        __m256i both = to_half(to->element, v);
        _mm_storeu_si128((void *)dst, _mm256_castsi256_si128(both));
        if (to->n == TWO)
            _mm_storeu_si128((void *)(dst + to->block),
                             _mm256_extracti128_si256(both, 1));
    } else {
        uint8_t *dst = (uint8_t *)to->dst + at;
        __m128i both = to_u8(v);
        _mm_storel_epi64((void *)dst, both);
        if (to->n == TWO)
            _mm_storel_epi64((void *)(dst + to->block), _mm_unpackhi_epi64(both, both));
    }
}

// Two neighbours in 16 bits: the first block of a, of b, then the second of each. Packing
// both at once takes fewer shuffles, which stand in the way of multiply-adds: 3 % of the
// time to u8 (Zen 4, 28 November 2026).
static ALWAYS_INLINE __m512i pack_halves(enum kern_element element, vec a, vec b)
{
    if (element == KERN_BF16) {
        __m256i first = to_bf16(_mm512_shuffle_f32x4(a, b, 0x44));
        __m256i second = to_bf16(_mm512_shuffle_f32x4(a, b, 0xee));
        return _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
    }
    __m512i both =
        _mm512_packus_epi32(to_whole(a, KERN_U12_MOST), to_whole(b, KERN_U12_MOST));
    // By 128 bits: four channels of a, the same of b.
    return _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 1, 3, 4, 6, 5, 7), both);
}

// The same in 8 bits.
static ALWAYS_INLINE __m256i pack_bytes(vec a, vec b)
{
    const __m512i order =
        _mm512_setr_epi32(0, 4, 1, 5, 8, 12, 9, 13, 0, 0, 0, 0, 0, 0, 0, 0);
    __m512i words =
        _mm512_packs_epi32(to_whole(a, KERN_U8_MOST), to_whole(b, KERN_U8_MOST));
    // By 32 bits: in every fourth, from 0 channels of a, from 1 the same of b.
    words = _mm512_packus_epi16(words, words);
    return _mm512_castsi512_si256(_mm512_permutexvar_epi32(order, words));
}

static ALWAYS_INLINE void put_neighbours(const struct place *to, ptrdiff_t at,
                                         ptrdiff_t pixel, vec a, vec b)
{
    if (to->element == KERN_F32) {
        put_one(to, at, a);
        put_one(to, at + pixel, b);
    } else if (to->element == KERN_U8) {
        uint8_t *dst = (uint8_t *)to->dst + at;
        __m256i both = pack_bytes(a, b);
        _mm_storeu_si128((void *)dst, _mm256_castsi256_si128(both));
        if (to->n == TWO)
            _mm_storeu_si128((void *)(dst + to->block),
                             _mm256_extracti128_si256(both, 1));
    } else {
        uint16_t *dst = (uint16_t *)to->dst + at;
        __m512i both = pack_halves(to->element, a, b);
        _mm256_storeu_si256((void *)dst, _mm512_castsi512_si256(both));
        if (to->n == TWO)
            _mm256_storeu_si256((void *)(dst + to->block),
                                _mm512_extracti64x4_epi64(both, 1));
    }
}

#endif

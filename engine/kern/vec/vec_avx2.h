#ifndef ENG_KERN_VEC_AVX2_H
#define ENG_KERN_VEC_AVX2_H

// Eight floats in a register. Includers may say that there is more than AVX2: VEC_AVX512,
// VEC_AVX512BF16.

#include "engine/kern/element.h"

#include "base/attr.h"

#include <immintrin.h>
#include <stdint.h>

typedef __m256 vec;

static ALWAYS_INLINE vec vec_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

static ALWAYS_INLINE void vec_store(float *p, vec v)
{
    _mm256_storeu_ps(p, v);
}

static ALWAYS_INLINE vec vec_set(float x)
{
    return _mm256_set1_ps(x);
}

static ALWAYS_INLINE vec vec_add(vec a, vec b)
{
    return _mm256_add_ps(a, b);
}

static ALWAYS_INLINE vec vec_sub(vec a, vec b)
{
    return _mm256_sub_ps(a, b);
}

static ALWAYS_INLINE vec vec_mul(vec a, vec b)
{
    return _mm256_mul_ps(a, b);
}

// a · b + c
static ALWAYS_INLINE vec vec_fma(vec a, vec b, vec c)
{
    return _mm256_fmadd_ps(a, b, c);
}

// Zero where a is negative.
static ALWAYS_INLINE vec vec_relu(vec a)
{
    // As integers, negative floats are negative: one integer maximum, which on Zen leaves
    // the multiply-add units alone.
    __m256i bits = _mm256_max_epi32(_mm256_castps_si256(a), _mm256_setzero_si256());
    return _mm256_castsi256_ps(bits);
}

static ALWAYS_INLINE vec vec_max(vec a, vec b)
{
    return _mm256_max_ps(a, b);
}

// Eight values to bfloat16, rounded to even.
static ALWAYS_INLINE void vec_store_bf16(uint16_t *p, vec v)
{
#ifdef VEC_AVX512BF16
    _mm_storeu_si128((__m128i *)(void *)p, (__m128i)_mm256_cvtneps_pbh(v));
#else
    __m256i bits = _mm256_castps_si256(v), high = _mm256_srli_epi32(bits, 16);
    __m256i odd = _mm256_and_si256(high, _mm256_set1_epi32(1));
    bits = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    bits = _mm256_srli_epi32(bits, 16);
    __m128i packed =
        _mm_packus_epi32(_mm256_castsi256_si128(bits), _mm256_extracti128_si256(bits, 1));
    _mm_storeu_si128((__m128i *)(void *)p, packed);
#endif
}

// Sixteen, side by side.
static ALWAYS_INLINE void vec_store_bf16_pair(uint16_t *p, vec a, vec b)
{
#ifdef VEC_AVX512BF16
    _mm256_storeu_si256((__m256i *)(void *)p, (__m256i)_mm256_cvtne2ps_pbh(b, a));
#else
    vec_store_bf16(p, a);
    vec_store_bf16(p + 8, b);
#endif
}

// Sixteen values to whole numbers up to 255, rounded to even, in words: four of a, four
// of b in each half. Clamped above as floats; below by packing them to bytes.
static ALWAYS_INLINE __m256i vec_words_u8(vec a, vec b)
{
    const vec most = _mm256_set1_ps(KERN_U8_MOST);
    return _mm256_packs_epi32(_mm256_cvtps_epi32(_mm256_min_ps(a, most)),
                              _mm256_cvtps_epi32(_mm256_min_ps(b, most)));
}

// The same to bytes 0 … 255, side by side.
static ALWAYS_INLINE __m128i vec_pack_u8(vec a, vec b)
{
#ifdef VEC_AVX512
    __m512 both = _mm512_insertf32x8(_mm512_castps256_ps512(a), b, 1);
    __m512i whole = _mm512_cvtps_epi32(_mm512_min_ps(both, _mm512_set1_ps(KERN_U8_MOST)));
    return _mm512_cvtepi32_epi8(_mm512_max_epi32(whole, _mm512_setzero_si512()));
#else
    __m256i words = vec_words_u8(a, b), bytes = _mm256_packus_epi16(words, words);
    return _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes),
                              _mm256_extracti128_si256(bytes, 1));
#endif
}

static ALWAYS_INLINE void vec_store_u8(uint8_t *p, vec v)
{
    _mm_storel_epi64((__m128i *)(void *)p, vec_pack_u8(v, v));
}

// Eight to whole numbers 0 … 4095.
static ALWAYS_INLINE void vec_store_u12(uint16_t *p, vec v)
{
    __m256i whole = _mm256_cvtps_epi32(_mm256_min_ps(v, _mm256_set1_ps(KERN_U12_MOST)));
    __m128i packed = _mm_packus_epi32(_mm256_castsi256_si128(whole),
                                      _mm256_extracti128_si256(whole, 1));
    _mm_storeu_si128((__m128i *)(void *)p, packed);
}

static ALWAYS_INLINE void vec_store_u12_pair(uint16_t *p, vec a, vec b)
{
    const vec most = _mm256_set1_ps(KERN_U12_MOST);
    __m256i words = _mm256_packus_epi32(_mm256_cvtps_epi32(_mm256_min_ps(a, most)),
                                        _mm256_cvtps_epi32(_mm256_min_ps(b, most)));
    words = _mm256_permute4x64_epi64(words, 0xd8);
    _mm256_storeu_si256((__m256i *)(void *)p, words);
}

static ALWAYS_INLINE void vec_store_u8_pair(uint8_t *p, vec a, vec b)
{
    _mm_storeu_si128((__m128i *)(void *)p, vec_pack_u8(a, b));
}

// Thirty-two, side by side.
static ALWAYS_INLINE void vec_store_u8_four(uint8_t *p, const float *from)
{
    __m256i bytes =
        _mm256_packus_epi16(vec_words_u8(vec_load(from), vec_load(from + 8)),
                            vec_words_u8(vec_load(from + 16), vec_load(from + 24)));
    bytes = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256((__m256i *)(void *)p, bytes);
}

#endif

#ifndef CHECKKERN_EMULATED_IMMINTRIN_H
#define CHECKKERN_EMULATED_IMMINTRIN_H

// In place of the compiler's header: every intrinsic in plain C, by SIMDe, and the few
// that its version in Debian 12 lacks, lane by lane as the instructions' manual says.

#define SIMDE_ENABLE_NATIVE_ALIASES
#define SIMDE_NO_NATIVE
#include <simde/x86/avx2.h>
#include <simde/x86/avx512.h>
#include <simde/x86/fma.h>
#include <simde/x86/sse4.2.h>

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline simde__m512 _mm512_cvtepi32_ps(simde__m512i a)
{
    int32_t x[16];
    float y[16];
    memcpy(x, &a, sizeof x);
    for (int i = 0; i < 16; i++)
        y[i] = (float)x[i];
    return simde_mm512_loadu_ps(y);
}

static inline simde__m512i _mm512_cvtps_epi32(simde__m512 a)
{
    float x[16];
    int32_t y[16];
    memcpy(x, &a, sizeof x);
    for (int i = 0; i < 16; i++)
        y[i] = fabsf(x[i]) < 0x1p31F ? (int32_t)nearbyintf(x[i]) : INT32_MIN;
    return simde_mm512_loadu_si512(y);
}

static inline simde__m128i _mm512_cvtepi32_epi8(simde__m512i a)
{
    int32_t x[16];
    int8_t y[16];
    memcpy(x, &a, sizeof x);
    for (int i = 0; i < 16; i++)
        y[i] = (int8_t)(uint8_t)(x[i] & 0xff);
    return simde_mm_loadu_si128((const void *)y);
}

static inline simde__m256i _mm512_cvtepi32_epi16(simde__m512i a)
{
    int32_t x[16];
    uint16_t y[16];
    memcpy(x, &a, sizeof x);
    for (int i = 0; i < 16; i++)
        y[i] = (uint16_t)(x[i] & 0xffff);
    return simde_mm256_loadu_si256((const void *)y);
}

static inline simde__m256 _mm512_extractf32x8_ps(simde__m512 a, int half)
{
    float x[16];
    memcpy(x, &a, sizeof x);
    return simde_mm256_loadu_ps(x + 8 * half);
}

// Two quarters of a, then two of b, two bits of `which` each.
static inline simde__m512 _mm512_shuffle_f32x4(simde__m512 a, simde__m512 b, int which)
{
    float x[2][16], y[16];
    memcpy(x[0], &a, sizeof x[0]);
    memcpy(x[1], &b, sizeof x[1]);
    for (int i = 0; i < 16; i++)
        y[i] = x[i / 8][(which >> i / 4 * 2 & 3) * 4 + i % 4];
    return simde_mm512_loadu_ps(y);
}

static inline simde__m256i _mm256_dpbusd_avx_epi32(simde__m256i s, simde__m256i a,
                                                   simde__m256i b)
{
    return simde_mm256_dpbusd_epi32(s, a, b);
}

// Denormals count as zero.
static inline uint16_t emulated_bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (!(bits & 0x7f800000))
        return (uint16_t)(bits >> 16 & 0x8000);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline simde__m128i _mm256_cvtneps_pbh(simde__m256 a)
{
    float x[8];
    uint16_t y[8];
    memcpy(x, &a, sizeof x);
    for (int i = 0; i < 8; i++)
        y[i] = emulated_bf16(x[i]);
    return simde_mm_loadu_si128((const void *)y);
}

// The second operand is the lower half.
static inline simde__m256i _mm256_cvtne2ps_pbh(simde__m256 high, simde__m256 low)
{
    simde__m128i halves[2] = {_mm256_cvtneps_pbh(low), _mm256_cvtneps_pbh(high)};
    return simde_mm256_loadu_si256((const void *)halves);
}

static inline simde__m256i _mm512_cvtneps_pbh(simde__m512 a)
{
    float x[16];
    memcpy(x, &a, sizeof x);
    return _mm256_cvtne2ps_pbh(simde_mm256_loadu_ps(x + 8), simde_mm256_loadu_ps(x));
}

#endif

#ifndef ENG_MODEL_HALF_H
#define ENG_MODEL_HALF_H

// 16-bit floats as they lie in files, to float32 (exact) and from it.

#include <stdint.h>
#include <string.h>

static inline float bf16_to_float(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

// Rounded to the nearest, to even where there are two; the largest become infinite.
static inline uint16_t bf16_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// IEEE binary16, subnormals included: the exponent is moved by a multiplication, which
// normalises them for free; 2^112 is the difference of the two exponent biases.
static inline float half_to_float(uint16_t bits)
{
    uint32_t magnitude = (uint32_t)(bits & 0x7fff) << 13;
    float value;
    memcpy(&value, &magnitude, sizeof value);
    value *= 0x1p112F;
    uint32_t wide;
    memcpy(&wide, &value, sizeof wide);
    if ((bits & 0x7c00) == 0x7c00)
        wide = 0x7f800000U | (uint32_t)(bits & 0x03ff) << 13;
    wide |= (uint32_t)(bits & 0x8000) << 16;
    memcpy(&value, &wide, sizeof value);
    return value;
}

#endif

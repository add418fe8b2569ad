#include "dataset/image.h"

#include <string.h>

enum { STEP = 16 }; // pixels

typedef uint8_t block __attribute__((vector_size(STEP)));

// The bytes of one half of a block and one half of another in turn.
static inline block low_high(block a, block b)
{
    return __builtin_shufflevector(a, b, 0, 24, 1, 25, 2, 26, 3, 27, 4, 28, 5, 29, 6, 30,
                                   7, 31);
}

static inline block high_low(block a, block b)
{
    return __builtin_shufflevector(a, b, 8, 16, 9, 17, 10, 18, 11, 19, 12, 20, 13, 21, 14,
                                   22, 15, 23);
}

// 48 bytes riffled like a pack of cards: what was at i comes to 2i modulo 47. Four times
// move colour c of pixel i from 3i + c to 16(3i + c) = i + 16c. Each step is one
// instruction on every x86-64, where gathering every third byte would be a byte at a
// time.
static void part(const uint8_t *rgb, uint8_t *r, uint8_t *g, uint8_t *b)
{
    block x, y, z;
    memcpy(&x, rgb, STEP);
    memcpy(&y, rgb + STEP, STEP);
    memcpy(&z, rgb + STEP + STEP, STEP);
    for (int i = 0; i < 4; i++) {
        block first = low_high(x, y), second = high_low(x, z), third = low_high(y, z);
        x = first;
        y = second;
        z = third;
    }
    memcpy(r, &x, STEP);
    memcpy(g, &y, STEP);
    memcpy(b, &z, STEP);
}

void ds_image_planes(const struct ds_image *image, uint8_t *chw)
{
    size_t n = (size_t)image->width * (size_t)image->height, i = 0;
    uint8_t *r = chw, *g = chw + n, *b = g + n;
    const uint8_t *rgb = image->rgb;
    for (; i + STEP <= n; i += STEP)
        part(rgb + 3 * i, r + i, g + i, b + i);
    for (; i < n; i++) {
        r[i] = rgb[3 * i];
        g[i] = rgb[3 * i + 1];
        b[i] = rgb[3 * i + 2];
    }
}

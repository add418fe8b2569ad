#include "engine/model/layout.h"

#include "base/mem.h"

// Square blocks, of which both sides stay in the first-level cache.
enum { BLOCK = 32 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void turn_block(const float *oihw, size_t out, size_t in, size_t taps, size_t o0,
                       size_t i0, float *to)
{
    size_t o1 = smaller(o0 + BLOCK, out), i1 = smaller(i0 + BLOCK, in);
    for (size_t i = i0; i < i1; i++)
        for (size_t o = o0; o < o1; o++)
            to[i * out + o] = oihw[(o * in + i) * taps];
}

float *layout_hwio(const float *oihw, size_t out, size_t in, size_t taps)
{
    size_t n;
    if (!mem_mul(out, in, &n) || !mem_mul(n, taps, &n))
        return NULL;
    float *to = mem_array(n, sizeof *to);
    for (size_t t = 0; to && t < taps; t++)
        for (size_t o = 0; o < out; o += BLOCK)
            for (size_t i = 0; i < in; i += BLOCK)
                turn_block(oihw + t, out, in, taps, o, i, to + t * in * out);
    return to;
}

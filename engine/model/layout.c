#include "engine/model/layout.h"

#include "base/mem.h"

float *layout_hwio(const float *oihw, size_t out, size_t in, size_t taps)
{
    size_t n;
    if (!mem_mul(out, in, &n) || !mem_mul(n, taps, &n))
        return NULL;
    float *to = mem_array(n, sizeof *to);
    for (size_t t = 0; to && t < taps; t++)
        for (size_t i = 0; i < in; i++)
            for (size_t o = 0; o < out; o++)
                to[(t * in + i) * out + o] = oihw[(o * in + i) * taps + t];
    return to;
}

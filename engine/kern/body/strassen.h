// The halves and sums of a GEMM's left side for Strassen's algorithm, written once over
// the vocabulary of vec/. See kern.h.

#include "engine/kern/strassen.h"

// Four quarters of one pair of pixels, 8 channels of each half.
static ALWAYS_INLINE void quarters(const struct kern_strassen_f32 *k, int block, int pair,
                                   const float *upper, const float *lower, ptrdiff_t half)
{
    const ptrdiff_t at = block * k->upper_block + 8 * (ptrdiff_t)pair;
    vec a11 = vec_load(upper), a12 = vec_load(upper + half);
    vec a21 = vec_set(0), a22 = a21;
    if (lower) {
        a21 = vec_load(lower);
        a22 = vec_load(lower + half);
        vec_store(k->dst[KERN_A22] + block * k->lower_block + 8 * (ptrdiff_t)pair, a22);
    }
    vec s1 = vec_add(a21, a22), s2 = vec_sub(s1, a11);
    vec_store(k->dst[KERN_A11] + at, a11);
    vec_store(k->dst[KERN_A12] + at, a12);
    vec_store(k->dst[KERN_S1] + at, s1);
    vec_store(k->dst[KERN_S2] + at, s2);
    vec_store(k->dst[KERN_S3] + at, vec_sub(a11, a21));
    vec_store(k->dst[KERN_S4] + at, vec_sub(a12, s2));
}

static ALWAYS_INLINE void strassen(const struct kern_strassen_f32 *k)
{
    const ptrdiff_t row = 8 * (ptrdiff_t)k->rows;
    const float *src = k->src;
    for (int b = 0; b < k->half; b++, src += row)
        for (int r = 0; r < k->rows; r += 2)
            quarters(k, b, r / 2, src + 8 * (ptrdiff_t)r,
                     r + 1 < k->rows ? src + 8 * (ptrdiff_t)(r + 1) : NULL,
                     k->half * row);
    src += k->half * row;
    for (int b = k->half; b < k->half + k->rest; b++)
        for (int r = 0; r < k->rows; r++, src += 8) {
            vec rest = vec_load(src);
            if (r % 2 == 0) {
                ptrdiff_t at = b * k->upper_block + 4 * (ptrdiff_t)r;
                vec_store(k->dst[KERN_A12] + at, rest);
                vec_store(k->dst[KERN_S4] + at, rest);
            } else {
                vec_store(k->dst[KERN_A22] + b * k->lower_block + 4 * (ptrdiff_t)(r - 1),
                          rest);
            }
        }
}

#define STRASSEN_KERNEL(isa)                                                             \
    void kern_strassen_f32_2x8_##isa(const struct kern_strassen_f32 *k)                  \
    {                                                                                    \
        strassen(k);                                                                     \
    }

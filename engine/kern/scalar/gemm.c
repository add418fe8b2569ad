#include "engine/kern/kern.h"

#include "base/attr.h"

static ALWAYS_INLINE void row(const struct kern_gemm_f32 *k, int r, int cols)
{
    float sum[16];
    for (int j = 0; j < cols; j++)
        sum[j] = k->bias[j];
    const float *b = k->b;
    for (int block = 0; block < k->blocks; block++) {
        const float *a = k->a + (ptrdiff_t)(block * k->rows + r) * KERN_BLOCK;
        for (int i = 0; i < KERN_BLOCK; i++, b += cols)
            for (int j = 0; j < cols; j++)
                sum[j] += a[i] * b[j];
    }
    float *c = k->c + r * k->c_stride;
    for (int j = 0; j < cols; j++) {
        float v = sum[j];
        if (k->add)
            v += k->add[r * k->add_stride + j];
        c[j] = k->relu && !(v > 0) ? 0 : v;
    }
}

void kern_gemm_f32_6x16_scalar(const struct kern_gemm_f32 *k)
{
    for (int r = 0; r < k->rows; r++) {
        if (k->cols == 16)
            row(k, r, 16);
        else
            row(k, r, KERN_BLOCK);
    }
}

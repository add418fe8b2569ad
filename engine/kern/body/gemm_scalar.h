// The GEMM families in plain C, over the vocabulary of vec_scalar.h.

#include "engine/kern/kern.h"

enum { WIDTH = 16 }; // of the widest tile

// bias + add, and ReLU, on one row of sums.
static ALWAYS_INLINE void finish_row(const struct kern_gemm *k, int r, const float *sum)
{
    float *c = k->c + r * k->c_stride;
    for (int j = 0; j < k->cols; j++) {
        float v = sum[j];
        if (k->add)
            v += k->add[r * k->add_stride + j];
        c[j] = k->relu && !(v > 0) ? 0 : v;
    }
}

static ALWAYS_INLINE void row_f32(const struct kern_gemm *k, int r, int cols)
{
    float sum[WIDTH];
    const float *b = k->b;
    for (int j = 0; j < cols; j++)
        sum[j] = k->bias[r * k->bias_stride + j];
    for (int block = 0; block < k->blocks; block++) {
        const float *a =
            (const float *)k->a + (ptrdiff_t)(block * k->rows + r) * KERN_BLOCK;
        for (int i = 0; i < KERN_BLOCK; i++, b += cols)
            for (int j = 0; j < cols; j++)
                sum[j] = multiply_add(a[i], b[j], sum[j]);
    }
    finish_row(k, r, sum);
}

static ALWAYS_INLINE void gemm_f32(const struct kern_gemm *k)
{
    float *b = (float *)k->b;
    for (int i = 0; i < k->formed * KERN_BLOCK * k->cols; i++)
        b[i] = k->of[i] - k->less[i];
    for (int r = 0; r < k->rows; r++) {
        if (k->cols == WIDTH)
            row_f32(k, r, WIDTH);
        else
            row_f32(k, r, KERN_BLOCK);
    }
}

static ALWAYS_INLINE float widen(uint16_t x)
{
    uint32_t bits = (uint32_t)x << 16;
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static ALWAYS_INLINE void gemm_bf16(const struct kern_gemm *k)
{
    for (int r = 0; r < k->rows; r++) {
        float sum[WIDTH];
        const uint16_t *b = k->b;
        memcpy(sum, k->bias + r * k->bias_stride, (size_t)k->cols * sizeof *sum);
        for (int block = 0; block < k->blocks; block++) {
            const uint16_t *a =
                (const uint16_t *)k->a + (ptrdiff_t)(block * k->rows + r) * KERN_BLOCK;
            for (int i = 0; i < KERN_BLOCK; i += 2, b += 2 * k->cols)
                for (int j = 0; j < k->cols; j++) {
                    sum[j] = multiply_add(widen(a[i + 1]), widen(b[2 * j + 1]), sum[j]);
                    sum[j] = multiply_add(widen(a[i]), widen(b[2 * j]), sum[j]);
                }
        }
        finish_row(k, r, sum);
    }
}

static ALWAYS_INLINE void gemm_s8(const struct kern_gemm *k)
{
    for (int r = 0; r < k->rows; r++) {
        int32_t exact[WIDTH] = {0};
        float sum[WIDTH];
        const int8_t *b = k->b;
        for (int block = 0; block < k->blocks; block++) {
            const uint8_t *a =
                (const uint8_t *)k->a + (ptrdiff_t)(block * k->rows + r) * KERN_BLOCK;
            for (int i = 0; i < KERN_BLOCK; i += 4, b += 4 * k->cols)
                for (int j = 0; j < 4 * k->cols; j++)
                    exact[j / 4] += a[i + j % 4] * b[j];
        }
        for (int j = 0; j < k->cols; j++)
            sum[j] = multiply_add((float)exact[j], k->scale[j], k->bias[j]);
        finish_row(k, r, sum);
    }
}

#define GEMM_KERNELS(isa)                                                                \
    void kern_gemm_f32_6x16_##isa(const struct kern_gemm *k)                             \
    {                                                                                    \
        gemm_f32(k);                                                                     \
    }                                                                                    \
    void kern_gemm_bf16_6x16_##isa(const struct kern_gemm *k)                            \
    {                                                                                    \
        gemm_bf16(k);                                                                    \
    }                                                                                    \
    void kern_gemm_s8_6x16_##isa(const struct kern_gemm *k)                              \
    {                                                                                    \
        gemm_s8(k);                                                                      \
    }

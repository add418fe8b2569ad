#include "engine/kern/vec/vec_scalar.h"

#include "engine/kern/body/stream.h"

void kern_gather_f32_1x8_scalar(const struct kern_gather_f32 *k)
{
    if (k->relu)
        gather(k, true);
    else
        gather(k, false);
}

void kern_dw_f32_1x8_scalar(const struct kern_dw_f32 *k)
{
    dw(k, k->relu_in);
}

void kern_dw3x3_f32_1x8_scalar(const struct kern_dw_f32 *k)
{
    if (k->relu_in)
        dw3x3(k, true, k->relu_out);
    else
        dw3x3(k, false, k->relu_out);
}

void kern_maxpool_f32_1x8_scalar(const struct kern_maxpool_f32 *k)
{
    maxpool(k);
}

void kern_affine_f32_1x8_scalar(const struct kern_affine_f32 *k)
{
    affine(k);
}

void kern_sum_f32_1x8_scalar(const struct kern_sum_f32 *k)
{
    sum(k);
}

double kern_peak_f32_1x8_scalar(long rounds, float *sink)
{
    return peak(rounds, sink, false);
}

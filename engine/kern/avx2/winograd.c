#include "engine/kern/vec/vec_avx2.h"

#include "engine/kern/body/winograd.h"

void kern_wino_in_f32_6x6_avx2(const struct kern_wino_in_f32 *k)
{
    if (k->relu)
        wino_in(k, true);
    else
        wino_in(k, false);
}

void kern_wino_out_f32_4x4_avx2(const struct kern_wino_out_f32 *k)
{
    wino_out(k);
}

#define VEC_AVX512BF16
#include "engine/kern/vec/slide_avx512.h"

#include "engine/kern/body/slide_wide.h"

GATHER_KERNEL(avx512bf16, 16)
SLIDE_KERNEL(avx512bf16, 16)

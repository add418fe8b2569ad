#define VEC_AVX512
#include "engine/kern/vec/vec_avx2.h"

#include "engine/kern/body/winograd.h"

WINOGRAD_KERNELS(avx512)

#define VEC_FUSED
#include "engine/kern/vec/vec_scalar.h"

#include "engine/kern/body/gemm_scalar.h"

GEMM_KERNELS(fused)

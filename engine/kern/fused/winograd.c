#define VEC_FUSED
#include "engine/kern/vec/vec_scalar.h"

#include "engine/kern/body/winograd.h"

WINOGRAD_KERNELS(fused)

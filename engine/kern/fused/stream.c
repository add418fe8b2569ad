#define VEC_FUSED
#include "engine/kern/vec/vec_scalar.h"

#include "engine/kern/body/stream.h"

PANEL_KERNELS(fused)
VALUE_KERNELS(fused)

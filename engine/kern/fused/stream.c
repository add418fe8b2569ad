#define VEC_FUSED
#include "engine/kern/vec/vec_scalar.h"

#include "engine/kern/body/strassen.h"
#include "engine/kern/body/stream.h"

#include "engine/kern/body/slide_narrow.h"

PANEL_KERNELS(fused)
SLIDE_KERNEL(fused, 8)
MAXPOOL_KERNEL(fused, 8)
VALUE_KERNELS(fused)
STRASSEN_KERNEL(fused)

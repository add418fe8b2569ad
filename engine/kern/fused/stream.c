#define VEC_FUSED
#include "engine/kern/vec/vec_scalar.h"

#include "engine/kern/body/dw.h"
#include "engine/kern/body/strassen.h"
#include "engine/kern/body/stream.h"

#include "engine/kern/body/slide_narrow.h"

DW_KERNEL(fused)
GATHER_KERNEL(fused, 8)
SLIDE_KERNEL(fused, 8)
MAXPOOL_KERNEL(fused, 8)
VALUE_KERNELS(fused)
STRASSEN_KERNEL(fused)

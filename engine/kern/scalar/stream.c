#include "engine/kern/vec/vec_scalar.h"

#include "engine/kern/body/stream.h"

PANEL_KERNELS(scalar)
VALUE_KERNELS(scalar)
PEAK_KERNEL(scalar, false)

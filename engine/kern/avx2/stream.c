#include "engine/kern/vec/vec_avx2.h"

#include "engine/kern/body/stream.h"

PANEL_KERNELS(avx2)
VALUE_KERNELS(avx2)
PEAK_KERNEL(avx2, true)

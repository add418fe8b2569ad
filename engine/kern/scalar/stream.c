#include "engine/kern/vec/vec_scalar.h"

#include "engine/kern/body/dw.h"
#include "engine/kern/body/strassen.h"
#include "engine/kern/body/stream.h"

#include "engine/kern/body/slide_narrow.h"

DW_KERNEL(scalar)
GATHER_KERNEL(scalar, 8)
SLIDE_KERNEL(scalar, 8)
MAXPOOL_KERNEL(scalar, 8)
VALUE_KERNELS(scalar)
STRASSEN_KERNEL(scalar)
PEAK_KERNEL(scalar, false)

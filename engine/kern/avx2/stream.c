#include "engine/kern/vec/vec_avx2.h"

#include "engine/kern/body/dw.h"
#include "engine/kern/body/strassen.h"
#include "engine/kern/body/stream.h"

#include "engine/kern/body/slide_narrow.h"

DW_KERNEL(avx2)
GATHER_KERNEL(avx2, 8)
SLIDE_KERNEL(avx2, 8)
MAXPOOL_KERNEL(avx2, 8)
VALUE_KERNELS(avx2)
STRASSEN_KERNEL(avx2)
PEAK_KERNEL(avx2, true)

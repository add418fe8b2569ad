#define VEC_AVX512
#include "engine/kern/vec/vec_avx2.h"

#include "engine/kern/body/dw.h"
#include "engine/kern/body/strassen.h"
#include "engine/kern/body/stream.h"

DW_KERNEL(avx512)
VALUE_KERNELS(avx512)
STRASSEN_KERNEL(avx512)
PEAK_KERNEL(avx512, true)

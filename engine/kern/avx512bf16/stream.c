// The kernels that write bfloat16, which this instruction set rounds to by itself.

#define VEC_AVX512
#define VEC_AVX512BF16
#include "engine/kern/vec/vec_avx2.h"

#include "engine/kern/body/dw.h"

DW_KERNEL(avx512bf16)

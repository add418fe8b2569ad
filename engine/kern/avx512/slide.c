#include "engine/kern/vec/slide_avx512.h"

#include "engine/kern/body/slide_wide.h"

GATHER_KERNEL(avx512, 16)
SLIDE_KERNEL(avx512, 16)
MAXPOOL_KERNEL(avx512, 16)

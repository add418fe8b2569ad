#include "engine/kern/vec/slide_avx512.h"

#include "engine/kern/body/gather.h"
#include "engine/kern/body/maxpool.h"
#include "engine/kern/body/slide.h"

GATHER_KERNEL(avx512, 16)
SLIDE_KERNEL(avx512, 16)
MAXPOOL_KERNEL(avx512, 16)

#include "engine/kern/vec/slide_avx512.h"

#include "engine/kern/body/slide.h"

SLIDE_KERNEL(avx512, 16)

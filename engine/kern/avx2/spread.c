#include "engine/kern/body/spread.h"

SPREAD_KERNEL(avx2)

#include "engine/kern/body/window.h"

WINDOW_KERNEL(scalar)

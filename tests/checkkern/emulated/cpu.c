// The CPU that has everything, because everything is emulated.

#include "engine/kern/kern.h"

bool kern_cpu_has(enum eng_isa isa)
{
    (void)isa;
    return true;
}

#ifndef TESTS_SUPPORT_ISAS_H
#define TESTS_SUPPORT_ISAS_H

// Tests that run once for each instruction set.

#include "engine/engine.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// Whether this CPU has it; says so where it does not.
static inline bool isa_is_here(enum eng_isa isa)
{
    enum eng_isa chosen;
    const char *name = eng_isa_name(isa);
    if (eng_isa_choose(name, &chosen, NULL) == ERR_OK)
        return true;
    print_message("SKIPPED: this CPU lacks %s\n", name);
    return false;
}

#endif

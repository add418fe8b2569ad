#ifndef TESTS_SUPPORT_SAYS_H
#define TESTS_SUPPORT_SAYS_H

// What tests of readers ask of an error.

#include "base/err.h"

// cmocka wants these first, in this order.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static inline void assert_says(const struct err *e, const char *text)
{
    if (!strstr(e->msg, text))
        fail_msg("message \"%s\" does not say \"%s\"", e->msg, text);
}

#endif

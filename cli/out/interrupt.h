#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

// ^C (and SIGTERM, SIGHUP) as a wish to stop in good order; a second one stops at once.

#include <stdatomic.h>

// From here on the signals set the flag that is returned.
const atomic_bool *interrupt_watch(void);

#endif

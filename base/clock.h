#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

// Seconds since an arbitrary start, never running backwards.
double clock_now(void);

// Seconds since 1970-01-01 UTC, for what is stored.
int64_t clock_wall(void);

void clock_sleep(double seconds);

#endif

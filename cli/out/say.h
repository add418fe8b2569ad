#ifndef CLI_SAY_H
#define CLI_SAY_H

// What people read: errors and notes on stderr, headings and figures on stdout.

#include "cli/cmd.h"

enum say_paint { SAY_PLAIN, SAY_BOLD, SAY_GOOD, SAY_BAD, SAY_PAINT_COUNT };

// "xlens: MESSAGE" on stderr, one line.
void say_error(const struct cli *cli, const char *message);

// The same for what is worth knowing but no failure; nothing with -q.
void say_note(const struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);

// The same only with -v.
void say_detail(const struct cli *cli, const char *fmt, ...) PRINTF_LIKE(2, 3);

// printf on stdout in a colour, where stdout takes one.
void say_painted(const struct cli *cli, enum say_paint paint, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

// "68.700" or "-" for NaN.
void say_percent(char out[16], double percent);

#endif

#ifndef CLI_STRAY_H
#define CLI_STRAY_H

// "-i 1 p 1 -b 1": a dash that recipes for vamp often lack.

#include "cli/cmd.h"

// Takes operands "p N" for -p N, with a note; any other operand is ERR_USAGE.
enum err_code stray_processes(const struct cli *cli, const char *command, int most,
                              int *processes, struct err *e) MUST_CHECK;

#endif

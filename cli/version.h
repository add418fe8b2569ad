#ifndef CLI_VERSION_H
#define CLI_VERSION_H

#include "cli/cmd.h"

// One line; with -v also libraries, instruction set and build.
enum err_code version_print(const struct cli *cli, struct err *e) MUST_CHECK;

#endif

#ifndef CLI_CMD_H
#define CLI_CMD_H

// A command: its options, its operands and what it does. main.c parses, calls run, prints
// the error and turns its code into the exit status.

#include "cli/opt/opt.h"

#include "engine/engine.h"

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

// What every command is given: the options that all of them take.
struct cli {
    bool help, json, quiet, verbose;
    int threads; // in total; all CPUs of the process unless asked for
    const char *isa_name;
    enum eng_isa isa;
    int color;                 // place in "auto never always"
    bool paint_out, paint_err; // what that means for stdout and stderr
    char **operands;
    int operand_count;
};

struct cmd {
    const char *name;
    const char *operands; // "FILE…" as the usage line shows them
    int min_operands, max_operands;
    const char *about; // what it does, a sentence or two
    const struct opt *opts;
    size_t size;          // of the struct that opts fill
    const void *defaults; // that struct's first values, or NULL: zeros
    enum err_code (*run)(struct cli *cli, void *args, struct err *e);
};

#define CMD(ident, name, help) extern const struct cmd cmd_##ident;
#include "cli/cmd.def"
#undef CMD

// Without a subcommand.
extern const struct cmd cmd_tui;

#endif

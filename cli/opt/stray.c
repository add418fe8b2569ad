#include "cli/opt/stray.h"

#include "cli/out/say.h"

#include "base/str.h"

#include <string.h>

enum err_code stray_processes(const struct cli *cli, const char *command, int most,
                              int *processes, struct err *e)
{
    long n;
    if (cli->operand_count == 0)
        return ERR_OK;
    if (cli->operand_count != 2 || strcmp(cli->operands[0], "p") != 0 ||
        !str_to_long(cli->operands[1], &n) || n < 1 || n > most)
        return err_set(e, ERR_USAGE, "%s: %s: expected options only", command,
                       cli->operands[0]);
    say_note(cli, "%s: p %ld is taken for -p %ld", command, n, n);
    *processes = (int)n;
    return ERR_OK;
}

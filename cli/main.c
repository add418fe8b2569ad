#include "cli/cmd.h"
#include "cli/out/say.h"
#include "cli/version.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct opt common_opts[] = {
    {.name = "help",
     .help = "this text",
     .kind = OPT_FLAG,
     .offset = offsetof(struct cli, help)},
    {.name = "json",
     .help = "one JSON document on stdout, nothing else there",
     .kind = OPT_FLAG,
     .offset = offsetof(struct cli, json)},
    {.letter = 'q',
     .name = "quiet",
     .help = "no progress, no notes",
     .kind = OPT_FLAG,
     .offset = offsetof(struct cli, quiet)},
    {.letter = 'v',
     .name = "verbose",
     .help = "say more: what was chosen, time and memory taken",
     .kind = OPT_FLAG,
     .offset = offsetof(struct cli, verbose)},
    {.name = "threads",
     .value = "N",
     .help = "in total; default: all CPUs that the process may use",
     .kind = OPT_INT,
     .min = 1,
     .max = 1024,
     .offset = offsetof(struct cli, threads)},
    {.name = "isa",
     .value = "X",
     .help = "use nothing above scalar, avx2, avxvnni, avx512, avx512vnni, avx512bf16",
     .kind = OPT_TEXT,
     .offset = offsetof(struct cli, isa_name)},
    {.name = "color",
     .value = "WHEN",
     .help = "colours in the output",
     .kind = OPT_CHOICE,
     .choices = "auto never always",
     .offset = offsetof(struct cli, color)},
    {0},
};

static const struct {
    const char *name, *help;
    const struct cmd *cmd;
} commands[] = {
#define CMD(ident, name, help) {name, help, &cmd_##ident},
#include "cli/cmd.def"
#undef CMD
};
enum { COMMANDS = sizeof commands / sizeof *commands };
enum { COLOR_AUTO, COLOR_NEVER, COLOR_ALWAYS };

static const struct cmd *find_command(const char *name)
{
    for (size_t i = 0; name && i < COMMANDS; i++)
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].cmd;
    return NULL;
}

static void print_help(const struct cmd *cmd)
{
    bool top = cmd == &cmd_tui;
    (void)printf("usage: xlens %s%s%s%s[OPTION…]\n", top ? "" : cmd->name, top ? "" : " ",
                 cmd->operands, cmd->operands[0] ? " " : "");
    if (top)
        (void)puts("       xlens COMMAND …\n       xlens COMMAND --help\n"
                   "       xlens --version [-v]");
    (void)putchar('\n');
    opt_paragraph(cmd->about, stdout);
    if (top)
        (void)puts("\nCommands:");
    for (size_t i = 0; top && i < COMMANDS; i++)
        (void)printf("  %-10s %s\n", commands[i].name, commands[i].help);
    if (cmd->opts[0].name)
        (void)puts("\nOptions:");
    opt_help(cmd->opts, stdout);
    (void)puts("\nOptions of every command:");
    opt_help(common_opts, stdout);
}

// A closed standard stream would be taken by the next file opened, and then written to;
// these stand-ins make such reads and writes fail instead.
static void hold_standard_streams(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

static bool paints(const struct cli *cli, int fd)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    if (cli->color != COLOR_AUTO)
        return cli->color == COLOR_ALWAYS;
    return isatty(fd) && !(no && no[0]) && term && strcmp(term, "dumb") != 0;
}

static enum err_code check_required(const struct cmd *cmd, const void *fields,
                                    struct err *e)
{
    for (const struct opt *row = cmd->opts; row->name; row++) {
        const char *value;
        if (!row->required || row->kind != OPT_TEXT)
            continue;
        memcpy(&value, (const char *)fields + row->offset, sizeof value);
        if (value)
            continue;
        char letter[] = {'-', row->letter, '\0'};
        return err_set(e, ERR_USAGE, "%s: no %s%s, expected %s%s %s", cmd->name,
                       row->letter ? "" : "--", row->letter ? letter : row->name,
                       row->letter ? "" : "--", row->letter ? letter : row->name,
                       row->value);
    }
    return ERR_OK;
}

static enum err_code check_operands(const struct cmd *cmd, const struct cli *cli,
                                    struct err *e)
{
    if (cli->operand_count < cmd->min_operands)
        return err_set(e, ERR_USAGE, "%s: no %s, expected one", cmd->name, cmd->operands);
    if (cmd->max_operands >= 0 && cli->operand_count > cmd->max_operands)
        return err_set(e, ERR_USAGE, "%s: %s: one too many, expected \"xlens %s%s%s\"",
                       cmd->name, cli->operands[cmd->max_operands],
                       cmd == &cmd_tui ? "" : cmd->name, cmd == &cmd_tui ? "" : " ",
                       cmd->operands);
    return ERR_OK;
}

// "--version" anywhere before "--", and "-v" with it.
static bool asks_for_version(char **argv)
{
    for (int i = 1; argv[0] && argv[i] && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--version") == 0)
            return true;
    return false;
}

static enum err_code run_command(const struct cmd *cmd, char **argv, struct cli *cli,
                                 struct err *e)
{
    enum err_code rc;
    void *fields = mem_new(cmd->size);
    if (cmd->defaults)
        memcpy(fields, cmd->defaults, cmd->size);
    const struct opt_table tables[] = {{cmd->opts, fields}, {common_opts, cli}};
    rc = opt_parse(cmd->name, tables, argv, &cli->operand_count, e);
    cli->operands = argv + 1;
    cli->paint_out = paints(cli, STDOUT_FILENO);
    cli->paint_err = paints(cli, STDERR_FILENO);
    if (rc != ERR_OK)
        goto out;
    if (cli->help) {
        print_help(cmd);
        goto out;
    }
    TRY(check_operands(cmd, cli, e));
    TRY(check_required(cmd, fields, e));
    TRY(eng_isa_choose(cli->isa_name, &cli->isa, e));
    rc = cmd->run(cli, fields, e);
out:
    free(fields);
    return rc;
}

static enum err_code run_version(char **argv, struct cli *cli, struct err *e)
{
    bool version = false;
    const struct opt rows[] = {{.name = "version", .kind = OPT_FLAG}, {0}};
    const struct opt_table tables[] = {{rows, &version}, {common_opts, cli}};
    enum err_code rc = opt_parse("xlens", tables, argv, &cli->operand_count, e);
    if (rc == ERR_OK)
        rc = eng_isa_choose(cli->isa_name, &cli->isa, e);
    return rc == ERR_OK ? version_print(cli, e) : rc;
}

// What could not be written to stdout is a failure whatever the command says.
static enum err_code flush_stdout(enum err_code rc, struct err *e)
{
    errno = 0;
    bool failed = ferror(stdout) != 0;
    if (fflush(stdout) == 0 && !failed)
        return rc;
    return err_set_errno(e, errno ? errno : EIO, "stdout", "cannot write");
}

static void tell_cost(const struct cli *cli, double began)
{
    struct rusage usage = {0};
    (void)getrusage(RUSAGE_SELF, &usage);
    say_detail(cli, "%.3f s, %ld MiB at most", clock_now() - began,
               usage.ru_maxrss / 1024);
}

int main(int argc, char **argv)
{
    struct err e = {0};
    struct cli cli = {0};
    double began = clock_now();
    hold_standard_streams();
    // Large, so that the reason for which output cannot be written is still in errno when
    // flush_stdout() asks for it.
    static char buffer[1 << 20];
    if (!isatty(STDOUT_FILENO))
        (void)setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    cli.threads = pool_cpus();
    const struct cmd *cmd = argc > 1 ? find_command(argv[1]) : NULL;
    enum err_code rc;
    if (cmd)
        rc = run_command(cmd, argv + 1, &cli, &e);
    else if (argc > 1 && asks_for_version(argv))
        rc = run_version(argv, &cli, &e);
    else
        rc = run_command(&cmd_tui, argv, &cli, &e);
    rc = flush_stdout(rc, &e);
    if (rc != ERR_OK && e.msg[0])
        say_error(&cli, e.msg);
    tell_cost(&cli, began);
    return err_exit_status(rc);
}

#include "cli/out/say.h"

#include "cli/out/bar.h"

#include "base/str.h"

#include <math.h>
#include <stdio.h>

static const char *const codes[SAY_PAINT_COUNT] = {"", "\033[1m", "\033[32m", "\033[31m"};

// File names may hold line ends; a message is one line whatever is in it.
static void put_line(FILE *out, const char *text)
{
    for (const char *c = text; *c; c++)
        (void)fputc((unsigned char)*c < ' ' || *c == 127 ? '?' : *c, out);
    (void)fputc('\n', out);
}

static void put(const struct cli *cli, enum say_paint paint, const char *text)
{
    (void)fflush(stdout);
    bar_hide();
    if (cli->paint_err)
        (void)fprintf(stderr, "%sxlens:\033[0m ", codes[paint]);
    else
        (void)fputs("xlens: ", stderr);
    put_line(stderr, text);
}

void say_error(const struct cli *cli, const char *message)
{
    put(cli, SAY_BAD, message);
}

static void PRINTF_LIKE(3, 0) put_formatted(const struct cli *cli, enum say_paint paint,
                                            const char *fmt, va_list ap)
{
    struct str text = {0};
    str_addv(&text, fmt, ap);
    put(cli, paint, str_get(&text));
    str_release(&text);
}

void say_note(const struct cli *cli, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (!cli->quiet)
        put_formatted(cli, SAY_BOLD, fmt, ap);
    va_end(ap);
}

void say_detail(const struct cli *cli, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (cli->verbose)
        put_formatted(cli, SAY_PLAIN, fmt, ap);
    va_end(ap);
}

void say_painted(const struct cli *cli, enum say_paint paint, const char *fmt, ...)
{
    va_list ap;
    bool on = cli->paint_out && paint != SAY_PLAIN;
    if (on)
        (void)fputs(codes[paint], stdout);
    va_start(ap, fmt);
    (void)vprintf(fmt, ap);
    va_end(ap);
    if (on)
        (void)fputs("\033[0m", stdout);
}

void say_percent(char out[16], double percent)
{
    if (isnan(percent))
        (void)snprintf(out, 16, "-");
    else
        (void)snprintf(out, 16, "%.3f", percent);
}

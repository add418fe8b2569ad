#include "tui/probe.h"

#include "tui/term.h"

#include "base/clock.h"

#include <curses.h>
#include <langinfo.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

enum { ANSWER_MAX = 1024 };

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

// ---- what is known without asking ----

static void read_terminfo(struct tui_probe *out)
{
    int status = 0;
    (void)snprintf(out->term, sizeof out->term, "%s", variable("TERM"));
    const char *color = variable("COLORTERM");
    out->true_color = strcmp(color, "truecolor") == 0 || strcmp(color, "24bit") == 0;
    if (!out->term[0] || setupterm(NULL, STDOUT_FILENO, &status) == ERR)
        return;
    char colors[] = "colors", rgb[] = "RGB"; // not const for curses
    int n = tigetnum(colors);
    out->known = true;
    out->colors = n > 0 ? n : 0;
    out->true_color |= tigetflag(rgb) > 0;
    (void)del_curterm(cur_term);
}

static void read_environment(struct tui_probe *out)
{
    const char *program = variable("TERM_PROGRAM"), *lc = variable("LC_TERMINAL");
    out->tmux = variable("TMUX")[0] != '\0';
    out->screen = !out->tmux && variable("STY")[0] != '\0';
    out->ssh = variable("SSH_CONNECTION")[0] != '\0';
    out->iterm2 = strcmp(program, "iTerm.app") == 0 || strcmp(program, "WezTerm") == 0 ||
                  strcmp(lc, "iTerm2") == 0;
}

static void read_size(struct tui_probe *out)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return;
    out->across = size.ws_col;
    out->down = size.ws_row;
    out->width = size.ws_xpixel;
    out->height = size.ws_ypixel;
}

// ---- what it answers ----

// An answer's part between `start` and `end`; 0 when it is not there.
static size_t between(const char *text, const char *start, const char *end,
                      const char **part)
{
    const char *from = strstr(text, start);
    if (!from)
        return 0;
    *part = from + strlen(start);
    const char *to = strstr(*part, end);
    return to ? (size_t)(to - *part) : 0;
}

// Attribute 4 of "ESC [ ? 62 ; 4 ; 22 c" is sixel.
static void read_attributes(const char *text, struct tui_probe *out)
{
    const char *part;
    size_t len = between(text, "\033[?", "c", &part);
    out->answered = len > 0;
    for (size_t i = 0; i < len; i++)
        if (part[i] == '4' && i > 0 && part[i - 1] == ';' &&
            (i + 1 == len || part[i + 1] == ';'))
            out->sixel = true;
}

// "20;10t": pixels of a cell.
static void read_cell(const char *text, struct tui_probe *out)
{
    enum { SIDE_MAX = 1000 };
    char *end;
    long height = strtol(text, &end, 10);
    long width = *end == ';' ? strtol(end + 1, NULL, 10) : 0;
    if (width < 1 || height < 1 || width > SIDE_MAX || height > SIDE_MAX)
        return;
    out->width = (int)width * out->across;
    out->height = (int)height * out->down;
}

static void read_answers(const char *text, struct tui_probe *out)
{
    const char *part;
    size_t len = between(text, "\033P>|", "\033\\", &part);
    for (size_t i = 0; i < len && i + 1 < sizeof out->version; i++)
        out->version[i] = (char)(part[i] >= ' ' && part[i] < 127 ? part[i] : '?');
    out->iterm2 |= strstr(out->version, "iTerm2") || strstr(out->version, "WezTerm");
    len = between(text, "\033_Gi=31;", "\033\\", &part);
    out->kitty = len == 2 && memcmp(part, "OK", 2) == 0;
    len = between(text, "\033[6;", "t", &part);
    if (len && out->width == 0)
        read_cell(part, out);
    read_attributes(text, out);
}

// The last answer is that to the last question, which every terminal knows.
static bool is_complete(const char *text)
{
    const char *part;
    return between(text, "\033[?", "c", &part) > 0;
}

static size_t listen(double seconds, char answer[ANSWER_MAX])
{
    double until = clock_now() + seconds;
    size_t n = 0;
    answer[0] = '\0';
    while (n + 1 < ANSWER_MAX && !is_complete(answer)) {
        struct pollfd tty = {.fd = STDIN_FILENO, .events = POLLIN};
        double left = until - clock_now();
        if (left <= 0 || poll(&tty, 1, (int)(left * 1000) + 1) <= 0)
            break;
        ssize_t got = read(STDIN_FILENO, answer + n, ANSWER_MAX - 1 - n);
        if (got <= 0)
            break;
        for (size_t end = n + (size_t)got; n < end; n++)
            if (answer[n] == '\0')
                answer[n] = '?';
        answer[n] = '\0';
    }
    return n;
}

static bool may_ask(const struct tui_probe *out)
{
    static const char *const plain[] = {"", "dumb", "linux"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(out->term, plain[i]) == 0)
            return false;
    return strncmp(out->term, "vt", 2) != 0 && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

// Name and version, kitty's graphics, size of a cell, attributes.
static void ask(struct tui_probe *out)
{
    static const char questions[] = "\033[>q"
                                    "\033_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\033\\"
                                    "\033[16t"
                                    "\033[c";
    struct termios saved, raw;
    char answer[ANSWER_MAX];
    if (tcgetattr(STDIN_FILENO, &saved) != 0)
        return;
    raw = saved;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) != 0)
        return;
    (void)fflush(stdout);
    out->asked = write(STDOUT_FILENO, questions, sizeof questions - 1) ==
                 (ssize_t)(sizeof questions - 1);
    // Answers come back over the network in a second, and from the same machine at once.
    if (listen(out->ssh ? 1 : 0.3, answer) > 0)
        read_answers(answer, out);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
}

void tui_probe(struct tui_probe *out)
{
    struct err e = {0};
    *out = (struct tui_probe){0};
    out->is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    read_terminfo(out);
    read_environment(out);
    out->utf8 = term_utf8();
    (void)snprintf(out->charset, sizeof out->charset, "%s", nl_langinfo(CODESET));
    if (out->is_terminal) {
        read_size(out);
        if (may_ask(out))
            ask(out);
    }
    if (term_check(&e) != ERR_OK)
        (void)snprintf(out->refusal, sizeof out->refusal, "%s", e.msg);
}

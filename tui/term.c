#include "tui/term.h"

#include "tui/widget/prompt.h"
#include "tui/widget/theme.h"

#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

enum { RESTORE_MAX = 256, CRASH_STACK = 64 * 1024 };

// What the signal handlers need. They may run at any moment, so all of it is made before
// they are installed.
static struct {
    SCREEN *screen;
    struct termios saved;
    char restore[RESTORE_MAX]; // gives the screen back
    size_t restore_len;
    int wake[2];
    volatile sig_atomic_t end, interrupt, suspend, resumed;
    char *crash_stack;
} term;

static const int polite[] = {SIGTERM, SIGHUP, SIGQUIT, SIGINT, SIGTSTP, SIGCONT};
static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP};
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void on_polite(int sig)
{
    int errnum = errno;
    switch (sig) {
    case SIGINT:
        term.interrupt = 1;
        break;
    case SIGTSTP:
        term.suspend = 1;
        break;
    case SIGCONT:
        term.resumed = 1;
        break;
    default:
        term.end = sig;
        break;
    }
    // A full pipe means that the loop will wake anyway.
    ssize_t n = write(term.wake[1], "!", 1);
    (void)n;
    errno = errnum;
}

static void on_fatal(int sig)
{
    static const char message[] =
        "\r\nxlens: crashed; the terminal is restored and finished "
        "predictions are in the database\r\n";
    ssize_t done = write(STDOUT_FILENO, term.restore, term.restore_len);
    (void)tcsetattr(STDOUT_FILENO, TCSANOW, &term.saved);
    done += write(STDERR_FILENO, message, sizeof message - 1);
    (void)done; // there is nobody left to tell
    // SA_RESETHAND has put the default action back.
    (void)raise(sig);
}

static void set_handler(int sig, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigemptyset(&action.sa_mask);
    (void)sigaction(sig, &action, NULL);
}

// Terminfo strings carry padding ("$<2>") that only tputs understands.
static void add_capability(const char *name)
{
    char key[16];
    (void)snprintf(key, sizeof key, "%s", name);
    const char *s = tigetstr(key);
    if (!s || s == (char *)-1)
        return;
    while (*s && term.restore_len < RESTORE_MAX) {
        if (s[0] == '$' && s[1] == '<') {
            const char *close = strchr(s, '>');
            s = close ? close + 1 : s + strlen(s);
            continue;
        }
        term.restore[term.restore_len++] = *s++;
    }
}

static void install_handlers(void)
{
    static const char *const capabilities[] = {"sgr0", "op", "rmkx", "cnorm", "rmcup"};
    term.restore_len = 0;
    for (size_t i = 0; i < COUNT(capabilities); i++)
        add_capability(capabilities[i]);
    term.crash_stack = malloc(CRASH_STACK);
    if (term.crash_stack) {
        stack_t stack = {.ss_sp = term.crash_stack, .ss_size = CRASH_STACK};
        (void)sigaltstack(&stack, NULL);
    }
    for (size_t i = 0; i < COUNT(fatal); i++)
        set_handler(fatal[i], on_fatal, (int)(SA_ONSTACK | SA_RESETHAND | SA_NODEFER));
    for (size_t i = 0; i < COUNT(polite); i++)
        set_handler(polite[i], on_polite, SA_RESTART);
    set_handler(SIGPIPE, SIG_IGN, 0);
}

static void remove_handlers(void)
{
    for (size_t i = 0; i < COUNT(fatal); i++)
        set_handler(fatal[i], SIG_DFL, 0);
    for (size_t i = 0; i < COUNT(polite); i++)
        set_handler(polite[i], SIG_DFL, 0);
    stack_t none = {.ss_flags = SS_DISABLE};
    (void)sigaltstack(&none, NULL);
    free(term.crash_stack);
    term.crash_stack = NULL;
}

// Only LC_CTYPE: numbers keep their point whatever the country.
bool term_utf8(void)
{
    bool known = setlocale(LC_CTYPE, "") != NULL;
    if (!known) {
        // The locale is not installed; C.UTF-8 has the same characters.
        static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
        const char *asked = NULL;
        for (size_t i = 0; i < COUNT(names) && !(asked && *asked); i++)
            asked = getenv(names[i]);
        if (asked && (strcasestr(asked, "utf-8") || strcasestr(asked, "utf8")))
            known = setlocale(LC_CTYPE, "C.UTF-8") != NULL;
    }
    return known && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static enum color_mode choose_color(enum tui_color wish)
{
    const char *no_color = getenv("NO_COLOR");
    if (wish == TUI_COLOR_NEVER ||
        (wish == TUI_COLOR_AUTO && no_color && no_color[0] != '\0'))
        return COLOR_MODE_MONO;
    if (!has_colors() || start_color() == ERR)
        return COLOR_MODE_MONO;
    (void)use_default_colors();
    if (COLORS >= 256)
        return COLOR_MODE_256;
    return COLORS >= 16 ? COLOR_MODE_16 : COLORS >= 8 ? COLOR_MODE_8 : COLOR_MODE_MONO;
}

double term_cell_aspect(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_xpixel == 0 ||
        size.ws_ypixel == 0 || size.ws_col == 0 || size.ws_row == 0)
        return 2;
    double aspect =
        ((double)size.ws_ypixel / size.ws_row) / ((double)size.ws_xpixel / size.ws_col);
    return aspect >= 1 && aspect <= 4 ? aspect : 2;
}

enum err_code term_check(struct err *e)
{
    const char *name = getenv("TERM");
    static const char instead[] = "xlens eval and xlens predict work without";
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return err_set(e, ERR_NO_TERMINAL,
                       "the explorer needs a terminal on stdin and stdout; %s", instead);
    int status = 0;
    if (!name || !*name || setupterm(NULL, STDOUT_FILENO, &status) == ERR)
        return err_set(e, ERR_NO_TERMINAL, "TERM=%s: unknown terminal; %s",
                       name ? name : "", instead);
    const char *cup = tigetstr("cup");
    bool moves = cup && cup != (char *)-1;
    (void)del_curterm(cur_term); // newterm makes its own
    if (!moves)
        return err_set(e, ERR_NO_TERMINAL,
                       "TERM=%s: this terminal cannot move its cursor; %s", name,
                       instead);
    return ERR_OK;
}

// ^S would freeze the screen, ^V and ^O would be swallowed.
static void free_control_keys(void)
{
    struct termios mode;
    if (tcgetattr(STDIN_FILENO, &mode) != 0)
        return;
    mode.c_iflag &= ~(tcflag_t)(IXON | IXOFF);
    mode.c_lflag &= ~(tcflag_t)IEXTEN;
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &mode);
    (void)def_prog_mode();
}

static void set_modes(void)
{
    (void)cbreak();
    (void)noecho();
    (void)nonl();
    (void)intrflush(stdscr, FALSE);
    (void)keypad(stdscr, TRUE);
    (void)nodelay(stdscr, TRUE);
    (void)idlok(stdscr, FALSE);
    (void)scrollok(stdscr, FALSE);
    free_control_keys();
    if (!getenv("ESCDELAY"))
        (void)set_escdelay(getenv("SSH_CONNECTION") ? 100 : 25);
}

enum err_code term_open(const struct tui_opts *opts, struct terminal *out, struct err *e)
{
    bool utf8 = term_utf8() && !opts->ascii;
    if (tcgetattr(STDIN_FILENO, &term.saved) != 0)
        return err_set_errno(e, errno, "terminal", "cannot read its settings");
    if (pipe2(term.wake, O_NONBLOCK | O_CLOEXEC) != 0)
        return err_set_errno(e, errno, "pipe", "cannot create");
    term.screen = newterm(NULL, stdout, stdin);
    if (!term.screen)
        return err_set(e, ERR_NO_TERMINAL, "TERM=%s: curses cannot use this terminal",
                       getenv("TERM"));
    set_modes();
    install_handlers();
    out->mode.color = choose_color(opts->color);
    out->mode.utf8 = utf8;
    out->mode.aspect = term_cell_aspect();
    out->test = getenv("XLENS_TUI_TEST") != NULL;
    theme_init(out->mode.color, utf8);
    return ERR_OK;
}

void term_close(void)
{
    if (!term.screen)
        return;
    (void)endwin();
    // endwin goes back to the settings that curses saw first, which are these unless a
    // shell changed them while we were stopped.
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &term.saved);
    remove_handlers();
    delscreen(term.screen);
    term.screen = NULL;
    close(term.wake[0]);
    close(term.wake[1]);
}

void term_take_signals(struct term_signals *out)
{
    char bytes[64];
    while (read(term.wake[0], bytes, sizeof bytes) > 0) {
    }
    *out = (struct term_signals){term.end, term.interrupt, term.suspend, term.resumed};
    term.interrupt = term.suspend = term.resumed = 0;
}

int term_signal_fd(void)
{
    return term.wake[0];
}

void term_retake(void)
{
    (void)reset_prog_mode();
    (void)clearok(curscr, TRUE);
    (void)refresh();
}

void term_suspend(void)
{
    (void)def_prog_mode();
    (void)endwin();
    set_handler(SIGTSTP, SIG_DFL, 0);
    (void)kill(0, SIGTSTP); // discarded in an orphaned process group: we just go on
    set_handler(SIGTSTP, on_polite, SA_RESTART);
    term_retake();
}

int term_key(void)
{
    wint_t key;
    int rc = get_wch(&key);
    if (rc == KEY_CODE_YES)
        return FN((int)key);
    if (rc == OK)
        return (int)key;
    struct pollfd tty = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&tty, 1, 0) > 0 && (tty.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
        return -2;
    return -1;
}

#ifndef BASE_ERR_H
#define BASE_ERR_H

// How every room reports failure: a code as the return value and a message in the
// caller's storage. Nothing here is global, so two jobs never mix their messages.

#include "base/attr.h"

#include <stdarg.h>

enum err_code {
#define ERR(code, status, text) ERR_##code,
#include "base/err.def"
#undef ERR
    ERR_COUNT
};

enum { ERR_MSG_MAX = 768 };

// One line for the user: "FILE: what is wrong, and what was expected", with byte offset,
// tensor or row where known. Start with `struct err e = {0};`.
struct err {
    enum err_code code;
    char msg[ERR_MSG_MAX];
};

// Functions that can fail return enum err_code (ERR_OK is 0) and take `struct err *`
// last; it may be NULL when only the code matters. Raising is one line:
//     return err_set(e, ERR_FORMAT, "%s: not a JPEG", path);
enum err_code err_set(struct err *e, enum err_code code, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

// The same from an errno value: "PATH: <verb>: <strerror>"; the code follows from the
// number (ENOENT missing, EACCES permission, ENOSPC space, ENOMEM memory, else I/O).
enum err_code err_set_errno(struct err *e, int errnum, const char *path,
                            const char *verb);

// Puts "text: " in front of the message; used once where an error crosses into a room.
void err_prefix(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

// Exit status of the program for a code.
int err_exit_status(enum err_code code);

// Leaves the function through its `out:` label when expr fails; rc is the function's
// result.
#define TRY(expr)                                                                        \
    do {                                                                                 \
        if ((rc = (expr)) != ERR_OK)                                                     \
            goto out;                                                                    \
    } while (0)

#endif

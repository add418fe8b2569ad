#include "base/err.h"

#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const int exit_status[] = {
#define ERR(code, status, text) status,
#include "base/err.def"
#undef ERR
};

enum err_code err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    if (e) {
        va_list ap;
        va_start(ap, fmt);
        e->code = code;
        (void)vsnprintf(e->msg, sizeof e->msg, fmt, ap);
        va_end(ap);
    }
    return code;
}

static enum err_code code_of_errno(int errnum)
{
    switch (errnum) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
        return ERR_MISSING;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_PERM;
    case ENOSPC:
    case EDQUOT:
        return ERR_NO_SPACE;
    case ENOMEM:
        return ERR_NOMEM;
    case EEXIST:
        return ERR_EXISTS;
    case EINTR:
        return ERR_INTERRUPTED;
    default:
        return ERR_IO;
    }
}

enum err_code err_set_errno(struct err *e, int errnum, const char *path, const char *verb)
{
    return err_set(e, code_of_errno(errnum), "%s: %s: %s", path, verb, strerror(errnum));
}

void err_prefix(struct err *e, const char *fmt, ...)
{
    if (!e)
        return;
    struct str joined = {0};
    va_list ap;
    va_start(ap, fmt);
    str_addv(&joined, fmt, ap);
    va_end(ap);
    str_add(&joined, ": ");
    str_add(&joined, e->msg);
    size_t n = joined.len < sizeof e->msg ? joined.len : sizeof e->msg - 1;
    memcpy(e->msg, str_get(&joined), n);
    e->msg[n] = '\0';
    str_release(&joined);
}

int err_exit_status(enum err_code code)
{
    return exit_status[code];
}

#include "cache/db.h"

#include <errno.h>
#include <stddef.h>

static enum err_code code_of(int primary)
{
    switch (primary) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return ERR_BUSY;
    case SQLITE_FULL:
        return ERR_NO_SPACE;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
        return ERR_PERM;
    case SQLITE_NOMEM:
        return ERR_NOMEM;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_ERROR: // a table or column that our SQL names is not there
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
        return ERR_FORMAT;
    case SQLITE_TOOBIG:
        return ERR_LIMIT;
    default:
        return ERR_IO;
    }
}

static const char *text_of(int primary)
{
    switch (primary) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return "locked by another process";
    case SQLITE_FULL:
        return "no space left";
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
        return "no permission to write";
    case SQLITE_NOTADB:
        return "not a SQLite database";
    case SQLITE_CORRUPT:
        return "damaged database";
    default:
        return NULL;
    }
}

enum err_code cache_error(const struct cache *cache, int sqlite_rc, const char *verb,
                          struct err *e)
{
    int primary = sqlite_rc & 0xff;
    if (sqlite_rc == SQLITE_IOERR_NOMEM)
        primary = SQLITE_NOMEM;
    int errnum = cache->db ? sqlite3_system_errno(cache->db) : 0;
    // After an I/O error "no such file" is a left-over: SQLite looks for journals.
    if (errnum &&
        (primary == SQLITE_CANTOPEN || (primary == SQLITE_IOERR && errnum != ENOENT)))
        return err_set_errno(e, errnum, cache->path, verb);
    const char *text = text_of(primary);
    if (!text)
        text = cache->db && primary == (sqlite3_errcode(cache->db) & 0xff)
                   ? sqlite3_errmsg(cache->db)
                   : sqlite3_errstr(primary);
    return err_set(e, code_of(primary), "%s: %s: %s", cache->path, verb, text);
}

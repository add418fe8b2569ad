#include "pipeline/valprep_link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    bool named; // something has the name, if only a link that leads nowhere
    bool whole; // and it leads to a regular file:
    bool is_link;
    dev_t dev;
    ino_t ino;
};

static struct place look(const char *path)
{
    struct stat own, file;
    struct place place = {0};
    place.named = lstat(path, &own) == 0;
    place.is_link = place.named && S_ISLNK(own.st_mode);
    if (place.named && stat(path, &file) == 0 && S_ISREG(file.st_mode)) {
        place.whole = true;
        place.dev = file.st_dev;
        place.ino = file.st_ino;
    }
    return place;
}

static enum err_code tell(struct err *e, int number, const char *from, const char *to)
{
    if (number == EXDEV)
        return err_set(e, ERR_UNSUPPORTED,
                       "%s: is on another file system than %s, expected the same one or "
                       "--link symbolic",
                       to, from);
    if (number == EPERM || number == EOPNOTSUPP)
        return err_set(e, ERR_PERM,
                       "%s: the file system or its owner allows no hard link to %s, "
                       "expected --link symbolic or --link move",
                       to, from);
    return err_set_errno(e, number, to, "cannot place");
}

// A relative link would lead elsewhere from another folder.
static enum err_code refuse_link(const char *from, struct err *e)
{
    return err_set(e, ERR_UNSUPPORTED,
                   "%s: is a symbolic link, expected a file, as --link move moves it",
                   from);
}

// One atomic step where the file system has it, else two with both names between them.
static int move(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    return link(from, to) == 0 ? unlink(from) : -1;
}

static enum err_code create(enum valprep_link kind, const char *from, const char *to,
                            const char *relative, bool from_is_link, struct err *e)
{
    int status = 0;
    if (kind == VALPREP_MOVE && from_is_link)
        return refuse_link(from, e);
    if (kind == VALPREP_MOVE)
        status = move(from, to);
    else if (kind == VALPREP_SYMBOLIC)
        status = symlink(relative, to);
    else
        status = linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW);
    return status == 0 ? ERR_OK : tell(e, errno, from, to);
}

// Both names are of one file and stay so, but for a move: then the old one goes. It is
// either a second hard link or a symbolic one to the new; a symbolic link under the new
// name makes way for the file itself.
static enum err_code finish_move(const char *from, const char *to,
                                 const struct place *at_from, const struct place *at_to,
                                 struct err *e)
{
    if (at_from->is_link && at_to->is_link)
        return refuse_link(from, e);
    int status = at_to->is_link ? rename(from, to) : unlink(from);
    return status == 0 ? ERR_OK : err_set_errno(e, errno, from, "cannot move");
}

enum err_code valprep_place(enum valprep_link kind, const char *from, const char *to,
                            const char *relative, enum valprep_outcome *outcome,
                            struct err *e)
{
    struct place at_from = look(from), at_to = look(to);
    *outcome = at_to.whole ? OUTCOME_KEPT : OUTCOME_MISSING;
    if (!at_from.whole)
        return ERR_OK;
    if (!at_to.named) {
        *outcome = OUTCOME_PLACED;
        return create(kind, from, to, relative, at_from.is_link, e);
    }
    if (!at_to.whole || at_to.dev != at_from.dev || at_to.ino != at_from.ino) {
        *outcome = OUTCOME_OTHER;
        return ERR_OK;
    }
    return kind == VALPREP_MOVE ? finish_move(from, to, &at_from, &at_to, e) : ERR_OK;
}

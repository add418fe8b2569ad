#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

// How far a long piece of work has come, told to whoever asked. {0}: nobody did.

#include <stddef.h>

struct progress {
    // Often, by one thread at a time. total 0: not known yet.
    void (*tell)(void *ctx, size_t done, size_t total);
    void *ctx;
};

static inline void progress_tell(const struct progress *p, size_t done, size_t total)
{
    if (p->tell)
        p->tell(p->ctx, done, total);
}

#endif

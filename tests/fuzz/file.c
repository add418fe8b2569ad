#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void fuzz_with_file(const uint8_t *data, size_t size, const char *suffix,
                    void (*read)(const char *path))
{
    // A name with a suffix, for readers that go by it, that leads to memory.
    char name[64], link[96];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || (size && write(fd, data, size) != (ssize_t)size))
        abort();
    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    (void)snprintf(link, sizeof link, "/tmp/xlens-fuzz-%d%s", (int)getpid(), suffix);
    (void)unlink(link);
    if (symlink(name, link) != 0)
        abort();
    read(link);
    (void)unlink(link);
    close(fd);
}

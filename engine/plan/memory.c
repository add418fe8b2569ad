#include "engine/plan/memory.h"

#include <stdint.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20 };

bool memory_open(struct memory *m, size_t floats, size_t busy)
{
    size_t len;
    if (__builtin_mul_overflow(floats, sizeof(float), &len) ||
        __builtin_add_overflow(len, (size_t)HUGE_PAGE, &len))
        return false;
    void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return false;
    size_t skip = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
    m->mapping = p;
    m->mapped = len;
    m->start = (float *)(void *)((char *)p + skip);
    // Only advice: without huge pages it is slower, not wrong. One that is not filled
    // would cost more memory than it saves time.
    (void)madvise(m->start, busy * sizeof(float) / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
    return true;
}

void memory_release(struct memory *m)
{
    if (m->mapping)
        munmap(m->mapping, m->mapped);
    *m = (struct memory){0};
}

size_t memory_round(size_t floats)
{
    enum { LINE = MEMORY_ALIGN / sizeof(float) };
    return (floats + LINE - 1) / LINE * LINE;
}

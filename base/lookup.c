#include "base/lookup.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hash_of(const char *name)
{
    uint64_t h = 0xCBF29CE484222325U; // FNV-1a
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 0x100000001B3U;
    return h ^ (h >> 32);
}

// The slot that holds `name`, or the empty one where it belongs.
static uint32_t *slot_of(const struct lookup *l, const char *name)
{
    size_t mask = l->slot_count - 1, i = hash_of(name) & mask;
    while (l->slots[i] && strcmp(l->all[l->slots[i] - 1], name) != 0)
        i = (i + 1) & mask;
    return &l->slots[i];
}

// Half of the slots stay empty, so that a probe ends soon.
static bool reserve(struct lookup *l)
{
    if (!mem_grow(&l->all, &l->cap, l->count + 1, sizeof *l->all))
        return false;
    if ((l->count + 1) * 2 <= l->slot_count)
        return true;
    size_t want = l->slot_count ? l->slot_count * 2 : 64;
    uint32_t *slots = want <= UINT32_MAX ? mem_array(want, sizeof *slots) : NULL;
    if (!slots)
        return false;
    free(l->slots);
    l->slots = slots;
    l->slot_count = want;
    for (size_t i = 0; i < l->count; i++)
        *slot_of(l, l->all[i]) = (uint32_t)i + 1;
    return true;
}

ptrdiff_t lookup_find(const struct lookup *l, const char *name)
{
    return l->slot_count ? (ptrdiff_t)*slot_of(l, name) - 1 : LOOKUP_NONE;
}

bool lookup_add(struct lookup *l, const char *name)
{
    if (!reserve(l))
        return false;
    l->all[l->count] = mem_dup(name);
    *slot_of(l, name) = (uint32_t)++l->count;
    return true;
}

void lookup_release(struct lookup *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->all[i]);
    free(l->all);
    free(l->slots);
    *l = (struct lookup){0};
}

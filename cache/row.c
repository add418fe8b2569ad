#include "cache/row.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1 << 16 };

// A text longer than a block gets a block of its own, which then counts as full.
static char *room_for(struct rowset *set, size_t bytes)
{
    bool fits = set->block_count > 0 && set->block_used <= BLOCK &&
                bytes <= BLOCK - set->block_used;
    if (!fits) {
        if (!mem_grow(&set->blocks, &set->block_cap, set->block_count + 1,
                      sizeof *set->blocks))
            return NULL;
        char *block = malloc(bytes > BLOCK ? bytes : BLOCK);
        if (!block)
            return NULL;
        set->blocks[set->block_count++] = block;
        set->block_used = 0;
    }
    char *room = set->blocks[set->block_count - 1] + set->block_used;
    set->block_used += bytes;
    return room;
}

const char *rowset_text(struct rowset *set, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *room = room_for(set, bytes);
    return room ? memcpy(room, text, bytes) : NULL;
}

void rowset_release(struct rowset *set)
{
    for (size_t i = 0; i < set->block_count; i++)
        free(set->blocks[i]);
    free(set->blocks);
    free(set->rows);
    *set = (struct rowset){0};
}

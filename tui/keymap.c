#include "tui/keymap.h"

#include "tui/widget/prompt.h"

#include <curses.h>

enum {
    ALL = (1 << VIEW_COUNT) - 1,
    RUN = 1 << VIEW_RUN,
    NOT_RUN = ALL & ~RUN,
    ITEMS = 1 << VIEW_LIST | 1 << VIEW_GRID | 1 << VIEW_PICTURE,
};

const struct keymap_row keymap[] = {
#define KEY(views, label, key, command, help) {views, label, key, command, help},
#include "tui/keymap.def"
#undef KEY
};
const size_t keymap_count = sizeof keymap / sizeof keymap[0];

const char *keymap_find(enum view_id view, int key)
{
    for (size_t i = 0; i < keymap_count; i++)
        if (keymap[i].key == key && (keymap[i].views & 1u << view) != 0)
            return keymap[i].command;
    return NULL;
}

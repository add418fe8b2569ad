#ifndef TUI_MARKS_H
#define TUI_MARKS_H

// Pictures that the user has marked, with undo and redo of every change.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MARKS_UNDO_MAX = 100 };

// One change: these items were turned over.
struct marks_change {
    size_t *items;
    size_t count;
};

struct marks {
    uint8_t *on;
    size_t size, count;
    struct marks_change changes[MARKS_UNDO_MAX];
    size_t change_count; // known changes
    size_t change_at;    // those that are in force; the others can be redone
};

bool marks_init(struct marks *marks, size_t size);
void marks_release(struct marks *marks);

bool marks_has(const struct marks *marks, size_t item);

// Sets the items to `on`; what is so already is left out of the change. Returns how many
// changed.
size_t marks_set(struct marks *marks, const size_t *items, size_t count, bool on);

// How many items turned over; 0 when there is nothing to undo or redo.
size_t marks_undo(struct marks *marks);
size_t marks_redo(struct marks *marks);

// The marked items in dataset order, malloc'ed; NULL when there are none.
size_t *marks_items(const struct marks *marks, size_t *count);

#endif

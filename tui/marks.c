#include "tui/marks.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

bool marks_init(struct marks *marks, size_t size)
{
    *marks = (struct marks){.size = size};
    marks->on = mem_array(size, sizeof marks->on[0]);
    return marks->on != NULL;
}

void marks_release(struct marks *marks)
{
    for (size_t i = 0; i < marks->change_count; i++)
        free(marks->changes[i].items);
    free(marks->on);
    *marks = (struct marks){0};
}

bool marks_has(const struct marks *marks, size_t item)
{
    return item < marks->size && marks->on[item];
}

static void turn_over(struct marks *marks, const struct marks_change *change)
{
    for (size_t i = 0; i < change->count; i++) {
        uint8_t *on = &marks->on[change->items[i]];
        *on = !*on;
        marks->count += *on ? 1 : (size_t)-1;
    }
}

// Takes the items as the newest change; what could be redone is forgotten.
static void push(struct marks *marks, struct marks_change change)
{
    while (marks->change_count > marks->change_at)
        free(marks->changes[--marks->change_count].items);
    if (marks->change_count == MARKS_UNDO_MAX) {
        free(marks->changes[0].items);
        marks->change_count--;
        memmove(marks->changes, marks->changes + 1,
                marks->change_count * sizeof marks->changes[0]);
    }
    marks->changes[marks->change_count++] = change;
    marks->change_at = marks->change_count;
}

size_t marks_set(struct marks *marks, const size_t *items, size_t count, bool on)
{
    struct marks_change change = {mem_array(count, sizeof change.items[0]), 0};
    if (!change.items)
        return 0;
    for (size_t i = 0; i < count; i++)
        if (marks_has(marks, items[i]) != on)
            change.items[change.count++] = items[i];
    if (change.count == 0) {
        free(change.items);
        return 0;
    }
    turn_over(marks, &change);
    push(marks, change);
    return change.count;
}

size_t marks_undo(struct marks *marks)
{
    if (marks->change_at == 0)
        return 0;
    const struct marks_change *change = &marks->changes[--marks->change_at];
    turn_over(marks, change);
    return change->count;
}

size_t marks_redo(struct marks *marks)
{
    if (marks->change_at == marks->change_count)
        return 0;
    const struct marks_change *change = &marks->changes[marks->change_at++];
    turn_over(marks, change);
    return change->count;
}

size_t *marks_items(const struct marks *marks, size_t *count)
{
    *count = 0;
    if (marks->count == 0)
        return NULL;
    size_t *items = mem_array(marks->count, sizeof items[0]);
    if (!items)
        return NULL;
    for (size_t i = 0; i < marks->size; i++)
        if (marks->on[i])
            items[(*count)++] = i;
    return items;
}

#include "tui/widget/cursor.h"

static size_t page_of(const struct cursor *cursor)
{
    return cursor->rows > 1 ? cursor->rows - 1 : 1;
}

void cursor_move(struct cursor *cursor, size_t count, enum move move, size_t times)
{
    if (count == 0) {
        cursor->pos = 0;
        return;
    }
    size_t stride = cursor->stride ? cursor->stride : 1;
    size_t half = cursor->rows > 2 ? cursor->rows / 2 : 1;
    size_t step = 0;
    bool back = false;
    switch (move) {
    case MOVE_UP:
        back = true;
        step = stride;
        break;
    case MOVE_DOWN:
        step = stride;
        break;
    case MOVE_LEFT:
        back = true;
        step = 1;
        break;
    case MOVE_RIGHT:
        step = 1;
        break;
    case MOVE_PAGE_UP:
        back = true;
        step = page_of(cursor) * stride;
        break;
    case MOVE_PAGE_DOWN:
        step = page_of(cursor) * stride;
        break;
    case MOVE_HALF_UP:
        back = true;
        step = half * stride;
        break;
    case MOVE_HALF_DOWN:
        step = half * stride;
        break;
    case MOVE_FIRST:
        cursor->pos = 0;
        return;
    case MOVE_LAST:
        cursor->pos = count - 1;
        return;
    }
    if (times == 0)
        times = 1;
    // A repeat count typed by the user may be absurd: clamp before multiplying.
    if (times > count)
        times = count;
    size_t way = step * times;
    if (back)
        cursor->pos = cursor->pos > way ? cursor->pos - way : 0;
    else
        cursor->pos = count - 1 - cursor->pos > way ? cursor->pos + way : count - 1;
}

void cursor_fit(struct cursor *cursor, size_t count, size_t rows, size_t stride)
{
    if (stride == 0)
        stride = 1;
    if (rows == 0)
        rows = 1;
    cursor->stride = stride;
    cursor->rows = rows;
    if (count == 0) {
        cursor->pos = cursor->top = 0;
        return;
    }
    if (cursor->pos >= count)
        cursor->pos = count - 1;
    size_t row = cursor->pos / stride;
    size_t last = (count - 1) / stride;
    size_t top = cursor->top / stride;
    if (row < top)
        top = row;
    if (row >= top + rows)
        top = row - rows + 1;
    if (last + 1 <= rows)
        top = 0;
    else if (top > last + 1 - rows)
        top = last + 1 - rows;
    cursor->top = top * stride;
}

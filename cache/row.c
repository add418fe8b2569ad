#include "cache/row.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1 << 16 };

// Equal-width: bin m holds (m/M, (m+1)/M], as in Guo et al., "On calibration of modern
// neural networks" (ICML 2017), section 2; 0 itself goes to the first. -1 without a
// prediction.
static int bin_of(const struct row *row)
{
    if (!row_done(row))
        return -1;
    int m = (int)ceil((double)row->prob[0] * ROW_BINS) - 1;
    if (m < 0)
        return 0;
    return m < ROW_BINS ? m : ROW_BINS - 1;
}

struct row_cell row_cell(const struct row *row)
{
    bool done = row_done(row);
    return (struct row_cell){
        .truth = row->label >= 0 ? row->label : -1,
        .predicted = done         ? row->top[0]
                     : row->error ? ROW_FAILED
                                  : ROW_UNRUN,
        .bin = bin_of(row),
        .count = 1,
        .top5 = row_scored(row) && row_rank(row) >= 0,
        .confidence = done ? llrint(ldexp((double)row->prob[0], ROW_CONFIDENCE_BITS)) : 0,
    };
}

static bool alike(const struct row_cell *a, const struct row_cell *b)
{
    return a->truth == b->truth && a->predicted == b->predicted && a->bin == b->bin;
}

static uint32_t *find_slot(const struct row_cells *cells, const struct row_cell *cell)
{
    uint64_t key = (uint64_t)(uint32_t)cell->truth << 36 ^
                   (uint64_t)(uint32_t)cell->predicted << 8 ^
                   (uint64_t)(uint32_t)cell->bin;
    for (size_t at = key * UINT64_C(0x9e3779b97f4a7c15) >> 32;; at++) {
        uint32_t *slot = &cells->slots[at & (cells->slot_count - 1)];
        if (!*slot || alike(&cells->all[*slot - 1], cell))
            return slot;
    }
}

static bool widen(struct row_cells *cells)
{
    size_t n = cells->slot_count ? 2 * cells->slot_count : 1024;
    uint32_t *slots = mem_array(n, sizeof *slots);
    if (!slots)
        return false;
    free(cells->slots);
    cells->slots = slots;
    cells->slot_count = n;
    for (size_t i = 0; i < cells->count; i++)
        *find_slot(cells, &cells->all[i]) = (uint32_t)(i + 1);
    return true;
}

bool row_cells_add(struct row_cells *cells, const struct row *row)
{
    struct row_cell cell = row_cell(row);
    if ((2 * cells->count >= cells->slot_count && !widen(cells)) ||
        !mem_grow(&cells->all, &cells->cap, cells->count + 1, sizeof *cells->all))
        return false;
    uint32_t *slot = find_slot(cells, &cell);
    if (!*slot) {
        cells->all[cells->count++] = cell;
        *slot = (uint32_t)cells->count;
        return true;
    }
    struct row_cell *there = &cells->all[*slot - 1];
    there->count++;
    there->top5 += cell.top5;
    there->confidence += cell.confidence;
    return true;
}

static int by_kind(const void *a, const void *b)
{
    const struct row_cell *x = a, *y = b;
    if (x->truth != y->truth)
        return x->truth < y->truth ? -1 : 1;
    if (x->predicted != y->predicted)
        return x->predicted < y->predicted ? -1 : 1;
    return (x->bin > y->bin) - (x->bin < y->bin);
}

void row_cells_sort(struct row_cells *cells)
{
    if (cells->count)
        qsort(cells->all, cells->count, sizeof *cells->all, by_kind);
}

void row_cells_release(struct row_cells *cells)
{
    free(cells->all);
    free(cells->slots);
    *cells = (struct row_cells){0};
}

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

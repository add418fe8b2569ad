#ifndef CACHE_ROW_H
#define CACHE_ROW_H

// One picture and what a model said of it: the struct that crosses the walls between
// pipeline, cache, report and tui.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ROW_TOPK = 5 };

struct row {
    const char
        *file; // name of the item in its dataset; borrowed from the owner of the row
    const char *error; // why there is no prediction, or NULL; borrowed likewise
    int label;         // class index, -1 unknown
    int count;         // predictions held, 0 … ROW_TOPK; 0 with error NULL: not run yet
    int top[ROW_TOPK]; // best first, ties by lower index
    float prob[ROW_TOPK];
};

static inline bool row_done(const struct row *row)
{
    return row->count > 0;
}

// Labelled and predicted: counts in accuracy.
static inline bool row_scored(const struct row *row)
{
    return row->count > 0 && row->label >= 0;
}

static inline bool row_correct(const struct row *row)
{
    return row_scored(row) && row->top[0] == row->label;
}

// Place of the label among the predictions, 0 = best; -1 when it is not there.
static inline int row_rank(const struct row *row)
{
    for (int i = 0; i < row->count; i++)
        if (row->top[i] == row->label)
            return i;
    return -1;
}

// Confidences are summed as whole numbers of 2^-38, which every probability from 2^-14
// is: the sum does not depend on the order.
enum { ROW_BINS = 15, ROW_FAILED = -1, ROW_UNRUN = -2, ROW_CONFIDENCE_BITS = 38 };

// So many rows with this label, this best class (or ROW_FAILED, ROW_UNRUN) and this bin.
struct row_cell {
    int truth, predicted, bin;
    int64_t count;
    int64_t top5;       // label among the best five
    int64_t confidence; // sum
};
struct row_cell row_cell(const struct row *row);

// Cells of rows that come one by one, distinct ones found by hash. {0} is empty; add says
// false when memory is out; sort puts them in order of truth, predicted and bin and ends
// adding.
struct row_cells {
    struct row_cell *all;
    size_t count, cap;
    uint32_t *slots; // 1 + place in all, or 0; at most half of them are taken
    size_t slot_count;
};
bool row_cells_add(struct row_cells *cells, const struct row *row);
void row_cells_sort(struct row_cells *cells);
void row_cells_release(struct row_cells *cells);

// Rows and the memory behind their strings.
struct rowset {
    struct row *rows;
    size_t count;
    char **blocks; // string storage
    size_t block_count, block_cap, block_used;
};

// A copy of text that lives as long as the set; NULL when memory is out.
const char *rowset_text(struct rowset *set, const char *text);
void rowset_release(struct rowset *set);

#endif

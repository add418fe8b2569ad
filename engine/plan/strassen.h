#ifndef ENG_STRASSEN_H
#define ENG_STRASSEN_H

// One level of Strassen's algorithm in Winograd's form: with the left side's pixels, its
// channels and the output's channels in two halves each, seven products of halves do for
// eight. A GEMM then takes 7/8 of the multiplications. Sums of the left side's quarters
// are formed when the panel is filled; two of those of the right side are packed as
// weights in place of a quarter, two are formed from these when their turn comes; those
// of the products are left to the kernel, whose sums may start from others.
//
// Upper pixels are a picture's even ones and lower pixels the odd ones behind them: which
// two go together does not depend on who computes them.

#include "engine/kern/strassen.h"
#include "engine/plan/plan.h"

// Extents in blocks of 8 channels.
struct strassen {
    int half, rest;  // of k: two halves, and what stays outside of them, at least 1
    int left, right; // of columns: right may be one less
    int panels;      // of tile->cols columns that hold the left half
};

struct strassen strassen_of(const struct plan_step *step);

// Where sums start, or results go, during a run: rows of intermediate sums, or the rows
// of the output's quarters.
enum strassen_place {
    STRASSEN_BIAS, // of the left columns
    STRASSEN_DIFF, // of the right columns' bias from it
    STRASSEN_SUM0,
    STRASSEN_SUM1,
    STRASSEN_SUM2,
    STRASSEN_UPPER,
    STRASSEN_LOWER,
};

// A multiplication of all pairs of pixels by one panel of columns.
struct strassen_run {
    enum kern_strassen_piece left;
    signed char b[4];     // the right side: multiples of quarters 11, 12, 21, 22
    signed char of, less; // formed from those of two runs; 0, 0: packed
    bool half, rest;      // k: the quarters', and behind it the rest's
    bool right;           // which columns are written, and whose rest it is
    enum strassen_place from, to;
};

// In order. Between STRASSEN_ADD - 1 and STRASSEN_ADD the third sums are added to the
// first and the second. A thread has at most STRASSEN_TILES tiles of pairs at a time.
enum { STRASSEN_RUNS = 8, STRASSEN_ADD = 6, STRASSEN_SUMS = 3, STRASSEN_TILES = 32 };
extern const struct strassen_run strassen_runs[STRASSEN_RUNS];

bool strassen_is_packed(const struct strassen_run *run);

// Blocks of k of a run.
int strassen_run_blocks(const struct strassen *s, const struct strassen_run *run);

// Columns of a panel in the left or the right half, `wide` where there are enough.
int strassen_cols(const struct strassen *s, bool right, int panel, int wide);

// Packed weights of so many left and right columns. The packed sides of a panel stand
// behind each other, in order of their runs.
size_t strassen_weight_floats(const struct strassen *s, int left, int right);

// Left panels of a pair of pixels; a sum of the right side's; how many pixels a thread
// takes at a time, an even number; and all that it needs: that sum, the left panels of
// these pixels, the raw panel of KERN_ROWS_MAX of them, and the products' sums.
size_t strassen_pair_floats(const struct strassen *s);
size_t strassen_form_floats(const struct plan_step *step);
int strassen_chunk_rows(const struct plan_step *step);
size_t strassen_scratch_floats(const struct plan_step *step);

// Whether a convolution gains by it: the quarters must be deep and wide enough.
bool strassen_suits(const struct plan_step *step);

#endif

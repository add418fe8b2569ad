#include "engine/plan/strassen.h"

// With S and T as in kern.h and below, and C's quarters upper left, lower left, …:
//     C11 = A11·B11 + A12·B21         U = A11·B11 + S2·T2
//     C21 = U + S3·T3 - A22·T4        C12 = U + S1·T1 + S4·B22
//     C22 = U + S3·T3 + S1·T1
//     T1 = B12 - B11, T2 = B22 - T1, T3 = T2 - B11, T4 = T2 - B21
// (Winograd's variant; Huss-Lederman et al., "Implementation of Strassen's algorithm for
// matrix multiplication", 1996.) The rest of k is added to each quarter at its end.
// Columns: S or A, B or T by quarters, of - less, half, rest, right, from, to.
const struct strassen_run strassen_runs[STRASSEN_RUNS] = {
    {KERN_A11, {1, 0, 0, 0}, 0, 0, true, false, false, STRASSEN_BIAS, STRASSEN_SUM0},
    {KERN_A12, {0, 0, 1, 0}, 0, 0, true, true, false, STRASSEN_SUM0, STRASSEN_UPPER},
    {KERN_S2, {1, -1, 0, 1}, 0, 0, true, false, false, STRASSEN_SUM0, STRASSEN_SUM0},
    {KERN_S3, {0, -1, 0, 1}, 2, 0, true, false, false, STRASSEN_SUM0, STRASSEN_SUM1},
    {KERN_A22, {-1, 1, 1, -1}, 1, 2, true, true, false, STRASSEN_SUM1, STRASSEN_LOWER},
    {KERN_S1, {-1, 1, 0, 0}, 0, 0, true, false, false, STRASSEN_DIFF, STRASSEN_SUM2},
    {KERN_S4, {0, 0, 0, 1}, 0, 0, true, true, true, STRASSEN_SUM0, STRASSEN_UPPER},
    {KERN_A22, {0, 0, 0, 0}, 0, 0, false, true, true, STRASSEN_SUM1, STRASSEN_LOWER},
};

struct strassen strassen_of(const struct plan_step *step)
{
    struct strassen s = {.half = (step->k_blocks - 1) / 2,
                         .left = (step->out_blocks + 1) / 2,
                         .right = step->out_blocks / 2};
    const int wide = step->tile->cols / KERN_BLOCK;
    s.rest = step->k_blocks - 2 * s.half;
    s.panels = (s.left + wide - 1) / wide;
    return s;
}

bool strassen_is_packed(const struct strassen_run *run)
{
    return run->of == run->less;
}

int strassen_run_blocks(const struct strassen *s, const struct strassen_run *run)
{
    return (run->half ? s->half : 0) + (run->rest ? s->rest : 0);
}

int strassen_cols(const struct strassen *s, bool right, int panel, int wide)
{
    const int room = (right ? s->right : s->left) * KERN_BLOCK - panel * wide;
    return room < 0 ? 0 : room < wide ? room : wide;
}

size_t strassen_weight_floats(const struct strassen *s, int left, int right)
{
    size_t floats = 0;
    for (int r = 0; r < STRASSEN_RUNS; r++) {
        const struct strassen_run *run = &strassen_runs[r];
        if (strassen_is_packed(run))
            floats += (size_t)(strassen_run_blocks(s, run) * KERN_BLOCK *
                               (run->right ? right : left));
    }
    return floats;
}

size_t strassen_pair_floats(const struct strassen *s)
{
    return (size_t)(KERN_STRASSEN_PIECES * s->half + 3 * s->rest) * KERN_BLOCK;
}

size_t strassen_form_floats(const struct plan_step *step)
{
    const struct strassen s = strassen_of(step);
    return (size_t)((s.half + s.rest) * KERN_BLOCK * step->tile->cols);
}

// One run reads a seventh of the panels at a time, and each panel of columns costs sums
// of its right side anew, so what is best is more than the L2 cache, and does not grow
// with it: 1 % less time than with a third of it on Zen 4 (1 MiB); 3 to 4 % less than
// with half of it on Zen 3 (512 KiB), where two threads then take the 181 pairs of
// Xception's middle flow in one pass; with more than this, within noise (28 November
// 2026).
enum { LEFT_BYTES = 1320 << 10 };

int strassen_chunk_rows(const struct plan_step *step)
{
    const struct strassen s = strassen_of(step);
    const int most = STRASSEN_TILES * step->tile->rows, least = step->tile->rows;
    const int pairs = LEFT_BYTES / (int)(strassen_pair_floats(&s) * sizeof(float));
    return 2 * (pairs < least ? least : pairs > most ? most : pairs);
}

size_t strassen_scratch_floats(const struct plan_step *step)
{
    const struct strassen s = strassen_of(step);
    const size_t pairs = (size_t)strassen_chunk_rows(step) / 2;
    const size_t wide = (size_t)step->tile->cols;
    return pairs * (strassen_pair_floats(&s) + STRASSEN_SUMS * wide) +
           (size_t)(KERN_ROWS_MAX * step->k_blocks * KERN_BLOCK) +
           strassen_form_floats(step);
}

// Measured on Zen 4, 24 November 2026, two threads: 728 to 728 channels take 8 % less
// time, 256 to 728 4 %, 256 to 256 9 % more.
bool strassen_suits(const struct plan_step *step)
{
    enum { K_LEAST = 256, COLS_LEAST = 512 };
    return step->k_blocks * KERN_BLOCK >= K_LEAST &&
           step->out_blocks * KERN_BLOCK >= COLS_LEAST;
}

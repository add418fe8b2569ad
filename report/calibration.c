#include "report/matrix.h"

#include <math.h>

void rep_bins_finish(struct rep_bin bins[REP_BINS], const int64_t sums[REP_BINS],
                     double *ece)
{
    double total = 0.0, gaps = 0.0;
    for (int m = 0; m < REP_BINS; m++) {
        struct rep_bin *bin = &bins[m];
        double count = (double)bin->count;
        bin->low = (double)m / REP_BINS;
        bin->high = (double)(m + 1) / REP_BINS;
        bin->mean_confidence = bin->accuracy = (double)NAN;
        if (bin->count == 0)
            continue;
        bin->mean_confidence = ldexp((double)sums[m], -ROW_CONFIDENCE_BITS) / count;
        bin->accuracy = (double)bin->correct / count;
        gaps += count * fabs(bin->accuracy - bin->mean_confidence);
        total += count;
    }
    *ece = total > 0.0 ? gaps / total : (double)NAN;
}

void rep_calibration(const struct row *rows, size_t n, struct rep_bin bins[REP_BINS],
                     double *ece)
{
    int64_t sums[REP_BINS] = {0};
    for (int m = 0; m < REP_BINS; m++)
        bins[m] = (struct rep_bin){0};
    for (size_t i = 0; i < n; i++) {
        if (!row_scored(&rows[i]))
            continue;
        struct row_cell cell = row_cell(&rows[i]);
        bins[cell.bin].count++;
        bins[cell.bin].correct += row_correct(&rows[i]);
        sums[cell.bin] += cell.confidence;
    }
    rep_bins_finish(bins, sums, ece);
}

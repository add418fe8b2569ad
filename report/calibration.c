#include "report/report.h"

#include <math.h>

// Bin m holds the confidences in (m/M, (m+1)/M], as in Guo et al., "On calibration of
// modern neural networks" (ICML 2017), section 2; 0 itself goes to the first.
static int bin_of(double confidence)
{
    int m = (int)ceil(confidence * REP_BINS) - 1;
    if (m < 0)
        return 0;
    return m < REP_BINS ? m : REP_BINS - 1;
}

void rep_calibration(const struct row *rows, size_t n, struct rep_bin bins[REP_BINS],
                     double *ece)
{
    double sums[REP_BINS] = {0}, total = 0.0, gaps = 0.0;
    for (int m = 0; m < REP_BINS; m++)
        bins[m] = (struct rep_bin){.low = (double)m / REP_BINS,
                                   .high = (double)(m + 1) / REP_BINS,
                                   .mean_confidence = (double)NAN,
                                   .accuracy = (double)NAN};
    for (size_t i = 0; i < n; i++) {
        if (!row_scored(&rows[i]))
            continue;
        double confidence = (double)rows[i].prob[0];
        int m = bin_of(confidence);
        bins[m].count++;
        bins[m].correct += row_correct(&rows[i]);
        sums[m] += confidence;
        total += 1.0;
    }
    for (int m = 0; m < REP_BINS; m++) {
        if (bins[m].count == 0)
            continue;
        double count = (double)bins[m].count;
        bins[m].mean_confidence = sums[m] / count;
        bins[m].accuracy = (double)bins[m].correct / count;
        gaps += count * fabs(bins[m].accuracy - bins[m].mean_confidence);
    }
    *ece = total > 0.0 ? gaps / total : (double)NAN;
}

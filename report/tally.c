#include "report/report.h"

#include <math.h>

void rep_tally_add(struct rep_tally *tally, const struct row *row)
{
    tally->images++;
    tally->done += row_done(row);
    tally->failed += row->error != NULL;
    tally->labelled += row_scored(row);
    tally->top1 += row_correct(row);
    tally->top5 += row_scored(row) && row_rank(row) >= 0;
}

void rep_tally_remove(struct rep_tally *tally, const struct row *row)
{
    tally->images--;
    tally->done -= row_done(row);
    tally->failed -= row->error != NULL;
    tally->labelled -= row_scored(row);
    tally->top1 -= row_correct(row);
    tally->top5 -= row_scored(row) && row_rank(row) >= 0;
}

double rep_percent(size_t hits, size_t of)
{
    return of ? 100.0 * (double)hits / (double)of : (double)NAN;
}

// E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
// JASA 22 (1927); z is the 97.5 % point of the normal distribution.
struct rep_interval rep_wilson(size_t hits, size_t n)
{
    static const double z = 1.959963984540054;
    if (n == 0)
        return (struct rep_interval){0.0, 100.0};
    double count = (double)n, p = (double)hits / count, z2 = z * z;
    double centre = p + z2 / (2.0 * count);
    double half = z * sqrt((p * (1.0 - p) + z2 / (4.0 * count)) / count);
    double scale = 100.0 / (1.0 + z2 / count);
    // At 0 and n hits one end is 0 or 100 but for rounding.
    return (struct rep_interval){
        hits == 0 ? 0.0 : scale * (centre - half),
        hits == n ? 100.0 : scale * (centre + half),
    };
}

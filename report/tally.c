#include "report/report.h"

#include "base/wilson.h"

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

struct rep_interval rep_wilson(size_t hits, size_t n)
{
    double centre, half;
    wilson_95(hits, n, &centre, &half);
    // At 0 and n hits one end is 0 or 100 but for rounding.
    return (struct rep_interval){
        hits == 0 ? 0.0 : 100.0 * (centre - half),
        hits == n ? 100.0 : 100.0 * (centre + half),
    };
}

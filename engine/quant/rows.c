#include "engine/quant/rows.h"

#include "engine/model/net.h"

// The two quads of a block: rows 0, 1, 4, 5 and 2, 3, 6, 7.
static const int quads[2][4] = {{0, 1, 4, 5}, {2, 3, 6, 7}};
enum { BLOCK = 8, QUAD = 4 };

void rows_deal(const double *sizes, int n, int more, int *rows)
{
    for (int k = 0; k < n; k++)
        rows[k] = 1;
    for (int i = 0; i < more; i++) {
        int best = -1;
        for (int k = 0; k < n; k++)
            if (rows[k] < NET_ROWS_A_CHANNEL &&
                (best < 0 || sizes[k] / rows[k] > sizes[best] / rows[best]))
                best = k;
        rows[best]++;
    }
}

void rows_place(const int *rows, int n, int more, float *in_more)
{
    const int count = more / QUAD;
    for (int k = 0, i = 0; k < n; k++)
        for (int r = 1; r < rows[k]; r++, i++) {
            int quad = i % count, at = i / count;
            in_more[quad / 2 * BLOCK + quads[quad % 2][at]] = (float)k;
        }
}

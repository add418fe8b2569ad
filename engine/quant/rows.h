#ifndef ENG_ROWS_H
#define ENG_ROWS_H

// Which input channels get more than one row (net.h). A few have so wide a range that
// their values are rounded coarsely and their weights, large beside the others', set the
// scale of all: there a row more does much.

// Deals out rows beside the one of each channel, one after the other to where
// sizes[k] / rows[k] is largest: in whole blocks, as long as that is far above the median
// of all sizes, `most` at most. sizes [n]: a channel's range times its weights. Returns
// how many.
int rows_deal(const double *sizes, int n, int most, int *rows);

// Their places behind the n first rows: in_more [more], of channels. Those of one channel
// go to different quads (kern.h), whose sums their weights would fill.
void rows_place(const int *rows, int n, int more, float *in_more);

#endif

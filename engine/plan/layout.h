#ifndef ENG_LAYOUT_H
#define ENG_LAYOUT_H

// A plan at one input size: the extents of every step, and where each value lies in one
// block of memory, so that running allocates nothing. Values that are not alive together
// share a place.

#include "engine/plan/plan.h"

// A window sliding over src.
struct window {
    int in_h, in_w, in_channels; // channels with padding
    int out_h, out_w;
    int kernel_h, kernel_w, stride, dilation;
    int pad_top, pad_left;
    // Where src is a ring of rows of one picture: how many, and which one is at its
    // start.
    int ring, origin;
};

struct layout_step {
    struct window window;
    ptrdiff_t src, dst, add; // offsets in floats
    int pixels;              // of one picture's output
    // A band (band.h) begins here: of so many steps, the last of which gives so many rows
    // at a time. 0: none.
    int band, band_rows;
    // Inside of one: rows of the ring that holds what this step writes, and where it
    // begins in a member's memory, in floats. 0 for the last step.
    int ring;
    size_t slab;
};

struct layout {
    struct net_shape *shapes; // of the net's nodes
    struct layout_step *steps;
    size_t
        *value; // [net.count] offset of a node's value; meaningful where one is written
    size_t floats; // of the block, at whose end are
    size_t outer;  // … behind so many, values that bands write to their rings instead
    // What a member needs for itself: a left panel, codes and rings side by side, or all
    // of it for a step with Strassen's algorithm, which is in no band.
    size_t panel;    // floats
    size_t codes;    // floats: of some tiles before they are spread, or of the rows that
                     // the windows of a chunk see
    size_t slabs;    // floats: of the rings of a band
    size_t strassen; // floats
    size_t taps;     // window pointers
    int widest;      // channels, with padding, of the widest value
    int map, features; // nodes: what the pooling sees, and its result
};

// For up to `batch` pictures at once and a team of so many. ERR_FORMAT when the input is
// too small.
enum err_code layout_open(const struct plan *plan, int height, int width, int batch,
                          int members, struct layout *out, struct err *e) MUST_CHECK;
void layout_release(struct layout *layout);

// How many tiles of a left panel KERN_STRIP neighbours may touch.
int layout_strip_tiles(const struct plan_step *step);

// What a window at stride 1 slides over in one picture, padding included.
int layout_padded_rows(const struct window *w);
int layout_padded_columns(const struct window *w);

// Rows of the left panel that one member fills at a time; for Winograd tiles, each a row
// of 36 panels.
int layout_chunk_rows(const struct plan *plan, const struct plan_step *step);

#endif

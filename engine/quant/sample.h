#ifndef ENG_SAMPLE_H
#define ENG_SAMPLE_H

// A few pixels of every convolution that can be int8, on a few pictures: what its window
// sees, or what comes out. Which pixels depends on the picture's place alone.

#include "engine/exec/exec.h"

#include "base/err.h"

struct sample {
    const struct plan *plan;
    bool outputs;
    int pictures, rows; // rows a picture
    float **values;     // [net.count]: [pictures][rows][channels], or NULL
};

// The node of the convolution that a step computes, or -1 for any step that cannot be
// int8.
int sample_node(const struct plan *plan, int step);

int sample_channels(const struct sample *s, int node);

// The i-th of `rows` pixels of a picture: evenly spread, and shifted from one to the
// next.
int sample_pixel(int pixels, int rows, int i, size_t picture);

// A pixel of a part as it goes in.
void sample_read(const struct exec *x, const struct exec_part *part, int pixel, float *to,
                 int channels);

enum err_code sample_open(const struct plan *plan, bool outputs, size_t pictures,
                          int rows, struct sample *out, struct err *e) MUST_CHECK;
void sample_release(struct sample *s);

// Takes what a part holds; pictures beyond the last are left out.
void sample_take(struct sample *s, const struct exec *x, const struct exec_part *part,
                 size_t picture);

// Goes through the tiles of a part's left panel.
struct tile {
    int first, rows;
    const float *values; // [k_blocks][rows][8]
};
void sample_tile_first(const struct exec *x, const struct exec_part *part,
                       struct tile *t);
bool sample_tile_next(const struct exec *x, const struct exec_part *part, struct tile *t);

#endif

#ifndef TUI_PICTURE_CELLS_H
#define TUI_PICTURE_CELLS_H

// From pixels to character cells. Pure functions, no screen.

#include "tui/widget/draw.h"

#include "dataset/image.h"

#include <stdbool.h>

// What the terminal can show.
struct pic_mode {
    enum color_mode color;
    bool utf8;
    double aspect; // height of a cell over its width
};

// A picture in cells, as large as fits.
struct pic {
    int w, h;
    struct draw_cell *cells; // [h][w], malloc'ed
};

// Largest w × h within the box that keeps the picture's proportions; at least 1 × 1.
void pic_fit(int image_w, int image_h, int box_w, int box_h, double aspect, int *w,
             int *h);

// Draws with block characters through chafa, or with density characters in ASCII and
// mono.
enum err_code pic_render(const struct ds_image *image, int box_w, int box_h,
                         const struct pic_mode *mode, struct pic *out,
                         struct err *e) MUST_CHECK;
void pic_release(struct pic *pic);

// Density characters: mean brightness of each cell, stretched to the picture's range.
// In colour modes the ink is the nearest palette colour.
void pic_density(const struct ds_image *image, const struct pic_mode *mode,
                 struct pic *out);

#endif

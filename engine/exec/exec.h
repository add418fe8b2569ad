#ifndef ENG_EXEC_H
#define ENG_EXEC_H

// Runs the steps of a plan. All members of a team call exec_steps with the same step and
// share its rows; a barrier behind each call is the caller's. Nothing here allocates.

#include "engine/kern/depthwise.h"
#include "engine/plan/layout.h"

struct exec_member {
    void *panel;               // left panel of a GEMM
    uint16_t *codes;           // whole numbers before they are spread over rows, or taps
                               // taken of them
    const float **taps;        // window pointers
    float *slabs;              // rings of rows between the steps of a band
    struct layout_step *steps; // the layout's, where a band may put its own places
};

// The share of `n` that falls to a member: first … last - 1.
struct exec_share {
    int first, last;
};

struct exec_share exec_share(int n, int member, int members);

struct exec;

// Part of a GEMM that has just been computed: these rows × column panels.
struct exec_part {
    int step;
    struct exec_share rows, panels;
    // What the rows' windows see: tiles of exec_tile_rows, [k_blocks][rows][8]; of
    // Winograd's steps one tile, [taps · in_blocks][rows][8].
    const void *left;
};

// Is told of every part, by the member that computed it.
struct exec_observer {
    void (*part)(void *ctx, const struct exec *x, const struct exec_part *part);
    void *ctx;
};

struct exec {
    const struct plan *plan;
    const struct layout *layout;
    float *values;       // the block that layout's offsets refer to
    const float *zeros;  // a pixel outside the picture …
    const float *lowest; // … and one for maxima
    struct exec_member *member;
    const float *input; // [pictures][3][h][w]
    int pictures;
    const struct exec_observer *observer; // or NULL
};

// Adds up the time of steps.
struct exec_clock {
    double *seconds; // [steps]
    double last;
};

// The time since the last call is this step's.
void exec_lap(struct exec_clock *clock, int step);

// Runs a step, or the band of steps that begins with it; how many those are. The clock
// may be NULL; the last step is not yet on it.
int exec_steps(const struct exec *x, int step, int member, int members,
               struct exec_clock *clock);

void exec_step(const struct exec *x, int step, int member, int members);

// Some rows of one picture's output.
void exec_rows(const struct exec *x, int step, const struct exec_member *me, int picture,
               struct exec_share rows);

// Rows m … m + rows - 1 of the left panel, laid out [k_blocks][rows][8] (feed.c).
void exec_feed(const struct exec *x, int step, const struct exec_member *me, int m,
               int rows, void *panel);

// All of `rows` of a step with a depthwise convolution in front that slides (slide.c).
void exec_feed_slide(const struct exec *x, int step, const struct exec_member *me,
                     struct exec_share rows, void *panel);

// All of `rows` of a step that is `coded` (codes.c).
void exec_feed_coded(const struct exec *x, int step, const struct exec_member *me,
                     struct exec_share rows, void *panel);

// All of `rows` of any step with a left panel, as it is for a plain GEMM: tiles of
// exec_tile_rows behind each other (gemm.c).
void exec_feed_tiles(const struct exec *x, int step, const struct exec_member *me,
                     struct exec_share rows, void *panel);

// Rows of a left panel in tiles: as few as hold them, and those alike, since the
// multiply-add units would wait for a tile of one to three. The first `longer` tiles have
// a row more than `rows`.
struct exec_tiles {
    int count, rows, longer;
};

struct exec_tiles exec_tiles(const struct plan_step *step, int rows);

int exec_tiles_rows(const struct exec_tiles *tiles, int tile);
int exec_tiles_first(const struct exec_tiles *tiles, int tile); // its first row

// Rows of the next tile when `left` remain.
int exec_tile_rows(const struct plan_step *step, int left);

// These rows of the left side. With fewer than would keep the team busy the members
// divide the columns instead.
void exec_gemm(const struct exec *x, int step, const struct exec_member *me,
               struct exec_share rows);
int exec_gemm_panels(const struct plan_step *step); // of columns
bool exec_gemm_is_low(const struct exec *x, int step, int members);
void exec_gemm_low(const struct exec *x, int step, int member, int members);

// The same of a step with Strassen's algorithm: these pairs of pixels, and how many there
// are in so many rows. An observer sees parts of all columns.
void exec_strassen(const struct exec *x, int step, const struct exec_member *me,
                   struct exec_share pairs);
int exec_strassen_pairs(const struct window *window, int rows);
void exec_strassen_low(const struct exec *x, int step, int member, int members);

// These tiles of pixels, and how many there are in some rows.
void exec_winograd(const struct exec *x, int step, const struct exec_member *me,
                   struct exec_share tiles);
int exec_winograd_tiles(const struct window *window, int rows);

// The whole step for an observer, which is told of pixels.
void exec_winograd_seen(const struct exec *x, int step, const struct exec_member *me);

// A pixel counted over all pictures; exec_pixel_next goes on in rows.
struct exec_pixel {
    int picture, y, x;
};

struct exec_pixel exec_pixel_at(const struct window *w, int m);
void exec_pixel_next(const struct window *w, struct exec_pixel *p);

// What a window slides over; `outside` stands for padding.
struct exec_source {
    const struct window *window;
    const float *start;
    const float *outside;
};

// Pointers to what the window sees at a pixel.
void exec_taps(const struct exec_source *src, struct exec_pixel at, const float **taps);

// Columns of three pointers from the first that a window of 3 × 3 at stride 1 sees on.
void exec_columns(const struct exec_source *src, struct exec_pixel at, int columns,
                  const float **taps);

// What the windows of pixels m … see, [taps · in_blocks][rows][8].
void exec_gather(const struct exec *x, int step, const struct exec_member *me, int m,
                 int rows, enum kern_element element, void *panel);

// Depthwise convolution of neighbouring pixels m … m + pixels - 1 by the kernel that
// fits; k holds all but the pixels and where they are written.
void exec_depthwise(const struct exec *x, int step, const struct exec_member *me, int m,
                    int pixels, struct kern_dw_f32 k);

// Whether the kernel for that is dw3x3, and the same with it: k.to is one piece, whose
// pixels are `pixels` here (slide.c).
bool exec_slides(const struct window *w);
void exec_slide(const struct exec *x, int step, const struct exec_member *me, int m,
                int pixels, struct kern_dw3x3_f32 k);

// From codes of a tile to its rows (codes.h).
void exec_spread(const struct exec *x, const struct plan_step *s, int rows,
                 const uint16_t *codes, void *panel);

// Lets somebody look at all that a session computes from here on (NULL: nobody).
struct eng_session;
void exec_observe(struct eng_session *session, const struct exec_observer *observer);

#endif

#ifndef ENG_KERN_H
#define ENG_KERN_H

// Kernels: pure functions on packed panels. No allocation, no globals, no failure.
// Activations are NHWC in blocks of KERN_BLOCK channels; channels beyond the last are
// zero. Every output value is computed by one fixed sequence of operations, whatever the
// number of rows or pixels of the call: a picture has the same bits however it was cut
// up.

#include "engine/engine.h"
#include "engine/kern/element.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ROWS_MAX and COLS_MAX bound the register tiles of all GEMM kernels.
enum { KERN_BLOCK = 8, KERN_ROWS_MAX = 14, KERN_COLS_MAX = 32 };

// Winograd tiles: pixels read and written a side, and the products of one tile.
enum { KERN_WINO_IN = 6, KERN_WINO_OUT = 4, KERN_WINO_PLACES = 36 };

// c[rows][cols] = relu(a·b + bias + add), in three families. A step takes the next 4
// bytes of a row of a: that many k.
//
// - gemm_f32: a float, b float [k][cols]; sums start from the bias, k in order; first
//   blocks of b can be formed on the way, as of - less
// - gemm_bf16: a and b bfloat16, b [k/2][cols][2]; the same, of each pair the odd k first
// - gemm_s8: a u8, b s8 [k/4][cols][4]; sums are exact, then sum · scale + bias
//
// gemm_s8 asks of b: in each column, of k = 8i + {0, 1, 4, 5} those above zero sum to 128
// at most, those below to −128 at least, and so do those of 8i + {2, 3, 6, 7}. AVX2 adds
// these four products in 16 bits: nothing in a is negative, they stay within 255 · 128.
struct kern_gemm {
    const void *a;      // [blocks][rows][8]
    const void *b;      // 64-byte aligned; formed blocks are written
    const float *scale; // gemm_s8: [cols]
    const float *bias;  // [cols]; row r at r · bias_stride, but for gemm_s8
    const float *add;   // row r at r · add_stride, or NULL
    float *c;           // row r at r · c_stride
    ptrdiff_t add_stride, c_stride;
    int bias_stride;        // 0: all rows start from the same
    const char *next;       // a slice of what comes after b, to fetch ahead; or NULL
    size_t next_len;        // bytes
    const float *of, *less; // as b
    int formed;             // gemm_f32: how many blocks are of - less
    int blocks;
    int rows; // 1 … the kernel's
    int cols; // blocks of 8 up to the kernel's
    bool relu;
};

// Copies the pixels under a window: taps pixel by pixel, each `blocks` long.
// dst[p · dst_pixel + (t · blocks + b) · dst_block] = relu(in[p · taps + t][b · 8 …]), as
// element; whole numbers of that value · scale + shift, rounded to even and clamped.
struct kern_gather_f32 {
    void *dst;
    ptrdiff_t dst_pixel, dst_block; // elements
    const float *const *in;
    const float *scale, *shift; // [blocks · 8]
    enum kern_element element;
    int pixels, taps, blocks;
    bool relu;
};

// Winograd's F(4×4, 3×3), 36 products instead of 144 taps: 6 × 6 pixels become one row of
// each left panel, dst[place · dst_place + b · dst_block] of relu(in[place][b · 8 …]).
struct kern_wino_in_f32 {
    float *dst;
    ptrdiff_t dst_place, dst_block;
    const float *const *in;
    int blocks;
    bool relu;
};

// From the 36 products to the upper left rows × cols of 4 × 4 pixels.
struct kern_wino_out_f32 {
    const float *src; // place p at p · src_place, block b behind it at b · 8
    const float *bias;
    float *dst;
    ptrdiff_t src_place, dst_row, dst_pixel;
    int rows, cols, blocks;
    bool relu;
};

// Maximum over taps, plus `add` when it is not NULL.
struct kern_maxpool_f32 {
    float *dst;
    const float *add;
    ptrdiff_t dst_pixel, add_pixel;
    const float *const *in; // [pixels][taps]
    int pixels, taps, blocks;
    bool relu;
};

// y = relu(weight · x + bias + add); weight and bias, or add, may be NULL.
struct kern_affine_f32 {
    float *dst;
    const float *src, *weight, *bias, *add;
    size_t pixels;
    ptrdiff_t pixel; // of src, dst and add
    int blocks;
    bool relu;
};

// dst = scale · Σ src over pixels.
struct kern_sum_f32 {
    float *dst;
    const float *src;
    size_t pixels;
    ptrdiff_t pixel;
    float scale;
    int blocks;
};

typedef void kern_gemm_fn(const struct kern_gemm *k);
typedef kern_gemm_fn kern_gemm_f32_fn;
typedef kern_gemm_fn kern_gemm_bf16_fn;
typedef kern_gemm_fn kern_gemm_s8_fn;
typedef void kern_gather_f32_fn(const struct kern_gather_f32 *k);
struct kern_dw_f32; // depthwise.h, as the next
typedef void kern_dw_f32_fn(const struct kern_dw_f32 *k);
struct kern_dw3x3_f32;
typedef void kern_dw3x3_f32_fn(const struct kern_dw3x3_f32 *k);
struct kern_spread_u8; // codes.h, as the next
typedef void kern_spread_u8_fn(const struct kern_spread_u8 *k);
struct kern_window_u8;
typedef void kern_window_u8_fn(const struct kern_window_u8 *k);
typedef void kern_wino_in_f32_fn(const struct kern_wino_in_f32 *k);
typedef void kern_wino_out_f32_fn(const struct kern_wino_out_f32 *k);
struct kern_strassen_f32; // strassen.h
typedef void kern_strassen_f32_fn(const struct kern_strassen_f32 *k);
typedef void kern_maxpool_f32_fn(const struct kern_maxpool_f32 *k);
typedef void kern_affine_f32_fn(const struct kern_affine_f32 *k);
typedef void kern_sum_f32_fn(const struct kern_sum_f32 *k);

// Independent multiply-adds from registers, `rounds` times; *sink keeps them alive.
// Returns the floating-point operations done.
typedef double kern_peak_f32_fn(long rounds, float *sink);

#define KERN(family, rows, cols, isa)                                                    \
    kern_##family##_fn kern_##family##_##rows##x##cols##_##isa;
#include "engine/kern/kern.def"
#undef KERN

struct kern_about { // what kern.def says
    const char *name;
    int rows, cols;
};

// The kernels that one ISA runs with: of each family the best row not above it.
struct kern_set {
    kern_gemm_f32_fn *gemm_f32;
    kern_gemm_bf16_fn *gemm_bf16;
    kern_gemm_s8_fn *gemm_s8;
    kern_gather_f32_fn *gather_f32;
    kern_dw3x3_f32_fn *dw3x3_f32;
    kern_dw_f32_fn *dw_f32;
    kern_spread_u8_fn *spread_u8;
    kern_window_u8_fn *window_u8;
    kern_wino_in_f32_fn *wino_in_f32;
    kern_wino_out_f32_fn *wino_out_f32;
    kern_strassen_f32_fn *strassen_f32;
    kern_maxpool_f32_fn *maxpool_f32;
    kern_affine_f32_fn *affine_f32;
    kern_sum_f32_fn *sum_f32;
    kern_peak_f32_fn *peak_f32;
    struct {
        struct kern_about gemm_f32, gemm_bf16, gemm_s8, gather_f32, dw3x3_f32, dw_f32,
            spread_u8, window_u8, wino_in_f32, wino_out_f32, strassen_f32, maxpool_f32,
            affine_f32, sum_f32, peak_f32;
    } about;
};

// exact: plain C, too, has the bits of the other instruction sets.
void kern_select(enum eng_isa isa, bool exact, struct kern_set *set);

// By what the left panel holds.
struct kern_gemm_choice {
    kern_gemm_fn *fn;
    const struct kern_about *about;
};
struct kern_gemm_choice kern_gemm_for(const struct kern_set *set,
                                      enum kern_element element);

// What CPU and operating system allow.
bool kern_cpu_has(enum eng_isa isa);

#endif

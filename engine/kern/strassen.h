#ifndef ENG_KERN_STRASSEN_H
#define ENG_KERN_STRASSEN_H

#include "engine/kern/kern.h"

// The left side of a GEMM by Strassen's algorithm (plan/strassen.h). Rows are the pixels
// of a picture, even ones in the upper half and odd ones in the lower; A11 … A22 are
// quarters by pixels and channels, and S1 = A21 + A22, S2 = S1 - A11, S3 = A11 - A21, S4
// = A12 - S2.
enum kern_strassen_piece {
    KERN_A11,
    KERN_A12, // and the rest of the upper pixels' channels behind it
    KERN_S2,
    KERN_S3,
    KERN_A22, // and the rest of the lower ones'
    KERN_S1,
    KERN_S4, // and the rest of the upper ones' again
    KERN_STRASSEN_PIECES,
};

// From [2 · half + rest][rows][8] to pieces [blocks][pairs][8]; without a lower pixel at
// the end, that of zeros.
struct kern_strassen_f32 {
    float *dst[KERN_STRASSEN_PIECES];
    ptrdiff_t upper_block, lower_block; // from a block to the next; lower_block: of A22
    const float *src;
    int rows, half, rest;
};

#endif

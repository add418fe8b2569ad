#ifndef ENG_ELEMENT_H
#define ENG_ELEMENT_H

#include <stddef.h>

// What the left panel of a GEMM holds. KERN_U12 is 0 … 4095 in 16 bits, which spread_u8
// makes more rows of KERN_U8 from.
enum kern_element { KERN_F32, KERN_BF16, KERN_U8, KERN_U12, KERN_ELEMENT_COUNT };
enum { KERN_U8_MOST = 255, KERN_U12_MOST = 4095 };
size_t kern_element_size(enum kern_element element); // bytes

#endif

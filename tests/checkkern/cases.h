#ifndef CHECKKERN_CASES_H
#define CHECKKERN_CASES_H

// One function a family: true when the kernel agrees with a double-precision reference on
// random and on extreme input, for every shape, at any alignment, and writes nothing
// else.

#include "engine/kern/kern.h"

// The kernel that is checked: its tile bounds what a case may ask for.
extern struct kern_about case_kernel;

bool case_gemm_f32(kern_gemm_f32_fn *fn);
bool case_gemm_bf16(kern_gemm_bf16_fn *fn);
bool case_gemm_s8(kern_gemm_s8_fn *fn);
bool case_gather_f32(kern_gather_f32_fn *fn);
bool case_dw3x3_f32(kern_dw3x3_f32_fn *fn);
bool case_dw_f32(kern_dw_f32_fn *fn);
bool case_spread_u8(kern_spread_u8_fn *fn);
bool case_window_u8(kern_window_u8_fn *fn);
bool case_wino_in_f32(kern_wino_in_f32_fn *fn);
bool case_wino_out_f32(kern_wino_out_f32_fn *fn);
bool case_strassen_f32(kern_strassen_f32_fn *fn);
bool case_maxpool_f32(kern_maxpool_f32_fn *fn);
bool case_affine_f32(kern_affine_f32_fn *fn);
bool case_sum_f32(kern_sum_f32_fn *fn);
bool case_peak_f32(kern_peak_f32_fn *fn);

#endif

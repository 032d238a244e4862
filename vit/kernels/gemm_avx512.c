/* gemm_avx512.c: the pieces of a matrix product for AVX-512. */
#include "vit/kernels/vec_avx512.h"

#define TILE_ROWS 8

#include "vit/kernels/tile.h"

#include "vit/kernels/gemm_loops.h"

const struct vit_gemm_isa vit_gemm_avx512 = {VIT_F32, LANES, pack_f32, NULL, multiply},
                          vit_gemm_avx512_bf16 = {VIT_BF16, LANES, pack_bf16, widen, multiply};

/* gemm_avx2.c: the pieces of a matrix product for AVX2 with FMA. */
#include "vit/kernels/vec_avx2.h"

#define TILE_ROWS 4

#include "vit/kernels/tile.h"

#include "vit/kernels/gemm_loops.h"

const struct vit_gemm_isa vit_gemm_avx2 = {VIT_F32, LANES, pack_f32, NULL, multiply},
                          vit_gemm_avx2_bf16 = {VIT_BF16, LANES, pack_bf16, widen, multiply};

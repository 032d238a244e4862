/* gemm_avx2.c: the pieces of a matrix product for AVX2 with FMA. */
#include "vit/kernels/vec_avx2.h"

#define TILE_ROWS 4

#include "vit/kernels/tile.h"

#include "vit/kernels/gemm_kernel.h"

const struct vit_gemm_kernel vit_gemm_avx2 = {"own:avx2", LANES, pack_weight, widen, multiply};

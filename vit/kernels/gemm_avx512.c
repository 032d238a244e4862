/* gemm_avx512.c: the pieces of a matrix product for AVX-512. */
#include "vit/kernels/vec_avx512.h"

#define TILE_ROWS 8

#include "vit/kernels/tile.h"

#include "vit/kernels/gemm_kernel.h"

const struct vit_gemm_kernel vit_gemm_avx512 = {"own:avx512", LANES, pack_weight, widen, multiply};

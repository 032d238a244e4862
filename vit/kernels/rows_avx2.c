/* rows_avx2.c: what is done row by row, for AVX2 with FMA. */
#include "vit/kernels/vec_avx2.h"

#include "vit/kernels/rows_loops.h"

const struct vit_rows_isa vit_rows_avx2 = {false, norm, qk_norm, convert};

/* rows_avx512.c: what is done row by row, for AVX-512. */
#include "vit/kernels/vec_avx512.h"

#include "vit/kernels/rows_loops.h"

const struct vit_rows_isa vit_rows_avx512 = {false, norm, qk_norm, convert};

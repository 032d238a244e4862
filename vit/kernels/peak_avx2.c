/* peak_avx2.c: the units for multiply-adds of f32, by AVX2 with FMA. */
#include "vit/kernels/vec_avx2.h"

#include "vit/kernels/peak_loops.h"

const struct vit_unit vit_unit_avx2 = {"AVX2 FMA", 2.0 * CHAINS *LANES, turn};

/* peak_avx512.c: the units for multiply-adds of f32, by AVX-512. */
#include "vit/kernels/vec_avx512.h"

#include "vit/kernels/peak_loops.h"

const struct vit_unit vit_unit_avx512 = {"AVX-512 FMA", 2.0 * CHAINS *LANES, turn};

/* attention_avx512.c: the inner loops of attention for AVX-512. */
#include "vit/kernels/vec_avx512.h"

#define TILE_ROWS 8

#include "vit/kernels/tile.h"

#include "vit/kernels/attention_loops.h"

const struct vit_attention_isa vit_attention_avx512 = {most_queries, scratch_size, pack, attend};

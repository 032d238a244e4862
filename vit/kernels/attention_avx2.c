/* attention_avx2.c: the inner loops of attention for AVX2 with FMA. */
#include "vit/kernels/vec_avx2.h"

#define TILE_ROWS 4

#include "vit/kernels/tile.h"

#include "vit/kernels/attention_loops.h"

const struct vit_attention_isa vit_attention_avx2 = {most_queries, scratch_size, pack, attend};

/* attention_avx2.c: the attention kernel for AVX2 with FMA. */
#include "vit/kernels/vec_avx2.h"

#define TILE_ROWS 4

#include "vit/kernels/tile.h"

#include "vit/kernels/attention_kernel.h"

const struct vit_attention_kernel vit_attention_avx2 = {"own:avx2", most_queries, scratch_size, pack, attend};

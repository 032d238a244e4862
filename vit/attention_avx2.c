/* attention_avx2.c: the attention kernel for AVX2 with FMA. */
#include "vit/vec_avx2.h"

#define TILE_ROWS 4

#include "vit/tile.h"

#include "vit/attention_kernel.h"

const struct vit_attention_kernel vit_attention_avx2 = {"own:avx2", most_queries, scratch_size, pack, attend};

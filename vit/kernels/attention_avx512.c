/* attention_avx512.c: the attention kernel for AVX-512. */
#include "vit/kernels/vec_avx512.h"

#define TILE_ROWS 8

#include "vit/kernels/tile.h"

#include "vit/kernels/attention_kernel.h"

const struct vit_attention_kernel vit_attention_avx512 = {"own:avx512", most_queries, scratch_size, pack, attend};

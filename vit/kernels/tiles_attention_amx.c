/* tiles_attention_amx.c: attention on tiles for AMX. */
#include "vit/kernels/vec_amx.h"

#include "vit/kernels/tiles.h"

#include "vit/kernels/tiles_attention_loops.h"

const struct vit_tiles_attention_isa vit_tiles_attention_amx = {tiles_begin, tiles_end, pack, attend};

/* tiles_linear_amx.c: the pieces of a linear layer for AMX. */
#include "vit/kernels/tiles.h"
#include "vit/kernels/vec_amx.h"

#include "vit/kernels/tiles_linear_loops.h"

const struct vit_tiles_linear_isa vit_tiles_linear_amx = TILES_LINEAR_ISA;

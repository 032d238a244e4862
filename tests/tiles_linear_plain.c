/* tiles_linear_plain.c: the pieces of a linear layer on tiles, in plain C. */
#include "vit/kernels/tiles_plain.h"
#include "vit/kernels/vec_plain.h"

#include "vit/kernels/tiles_linear_loops.h"

extern const struct vit_tiles_linear_isa tiles_linear_plain;

const struct vit_tiles_linear_isa tiles_linear_plain = TILES_LINEAR_ISA;

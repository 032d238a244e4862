/* rows_amx.c: layer norm and rounding into panels, for AMX. */
#include "vit/kernels/vec_amx.h"

#include "vit/kernels/rows_loops.h"

const struct vit_rows_isa vit_rows_amx = {true, norm, NULL, convert};

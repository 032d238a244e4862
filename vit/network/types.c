/* types.c: rows for each precision, the better ones first. */
#include "vit/network/types.h"

#include <stddef.h>

static const struct vit_types types[] = {
    {VIT_PRECISION_F32, "f32", VIT_PANELS_BF16X3, VIT_ISA_AMX},
    {VIT_PRECISION_F32, "f32", VIT_ROWS_F32, VIT_ISA_ANY},
    {VIT_PRECISION_BF16X2, "bf16x2", VIT_PANELS_BF16X2, VIT_ISA_AMX},
    {VIT_PRECISION_BF16, "bf16", VIT_PANELS_BF16, VIT_ISA_AMX},
    {VIT_PRECISION_BF16, "bf16", VIT_ROWS_BF16, VIT_ISA_AVX512_BF16},
};

int vit_types_for(const struct vit_types *list[VIT_MAX_TYPES], enum vit_precision precision)
{
    enum vit_precision wanted = precision == VIT_PRECISION_AUTO ? VIT_PRECISION_BF16 : precision;
    enum vit_isa_level level = vit_isa_level();
    int n = 0;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].precision == wanted && types[i].needs <= level)
            list[n++] = &types[i];
    return n == 0 && precision == VIT_PRECISION_AUTO ? vit_types_for(list, VIT_PRECISION_F32) : n;
}

int vit_types_bytes(const struct vit_types *of)
{
    int parts = vit_format_parts(of->activation);
    return parts > 0 ? 2 * parts : of->activation == VIT_ROWS_F32 ? 4 : 2;
}

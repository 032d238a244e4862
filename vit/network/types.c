/* types.c: rows for each precision, the better ones first. */
#include "vit/network/types.h"

#include <stddef.h>

const struct vit_types *vit_types_of(enum vit_precision precision)
{
    static const struct vit_types types[] = {
        {VIT_PRECISION_F32, "f32", VIT_ROWS_F32, VIT_ISA_ANY},
        {VIT_PRECISION_BF16, "bf16", VIT_ROWS_BF16, VIT_ISA_AVX512_BF16},
    };
    enum vit_isa_level level = vit_isa_level();
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].precision == precision && types[i].needs <= level)
            return &types[i];
    return NULL;
}

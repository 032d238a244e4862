/* types.c: a row for each precision. */
#include "vit/network/types.h"

const struct vit_types *vit_types_of(enum vit_precision precision)
{
    static const struct vit_types types[] = {
        [VIT_PRECISION_F32] = {"f32", VIT_F32, VIT_F32, VIT_F32, VIT_ISA_ANY},
        [VIT_PRECISION_BF16] = {"bf16", VIT_F32, VIT_BF16, VIT_BF16, VIT_ISA_AVX512_BF16},
    };
    return &types[precision];
}

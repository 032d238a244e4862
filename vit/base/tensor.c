/* tensor.c: the element types of checkpoints, their names and sizes. */
#include "vit/base/tensor.h"

static const struct {
    const char *name;
    size_t size;
} types[] = {
    [VIT_F32] = {"F32", 4}, [VIT_F16] = {"F16", 2},   [VIT_BF16] = {"BF16", 2}, [VIT_F64] = {"F64", 8},
    [VIT_I64] = {"I64", 8}, [VIT_I32] = {"I32", 4},   [VIT_I16] = {"I16", 2},   [VIT_I8] = {"I8", 1},
    [VIT_U8] = {"U8", 1},   [VIT_BOOL] = {"BOOL", 1},
};

const char *vit_dtype_name(enum vit_dtype dtype)
{
    return types[dtype].name;
}

size_t vit_dtype_size(enum vit_dtype dtype)
{
    return types[dtype].size;
}

int64_t vit_tensor_count(const struct vit_tensor *tensor)
{
    int64_t count = 1;
    for (int i = 0; i < tensor->n_dims; i++)
        count *= tensor->shape[i];
    return count;
}

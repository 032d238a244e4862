/* tensor.h: what a checkpoint says of one tensor. */
#ifndef VIT_TENSOR_H
#define VIT_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum vit_dtype { VIT_F32, VIT_F16, VIT_BF16, VIT_F64, VIT_I64, VIT_I32, VIT_I16, VIT_I8, VIT_U8, VIT_BOOL };

enum { VIT_MAX_DIMS = 8 };

struct vit_tensor {
    char *name; /* first, for struct vit_index */
    enum vit_dtype dtype;
    int n_dims; /* 0: a scalar, one element */
    int64_t shape[VIT_MAX_DIMS]; /* outermost first, as in PyTorch */
};

const char *vit_dtype_name(enum vit_dtype dtype); /* "F32", as safetensors spells it */
size_t vit_dtype_size(enum vit_dtype dtype);      /* bytes of one element */
int64_t vit_tensor_count(const struct vit_tensor *tensor); /* elements; the shape was checked not to overflow */

#ifdef __cplusplus
}
#endif
#endif

/* strided.h: dense copies of tensors that lie in memory with strides. */
#ifndef VIT_STRIDED_H
#define VIT_STRIDED_H

#include <stdbool.h>

#include "vit/base/tensor.h"

/* Whether elements with these strides (in elements) are already dense and in C order. */
bool vit_strided_is_dense(const struct vit_tensor *tensor, const int64_t *stride);

/* Elements from the first to the last that a tensor with these strides touches; -1 when that overflows or a stride is
 * negative. 0 for a tensor without elements. */
int64_t vit_strided_span(const struct vit_tensor *tensor, const int64_t *stride);

/* Copies tensor's elements from src, vit_strided_span elements long, to dst in C order. */
void vit_strided_copy(const struct vit_tensor *tensor, const int64_t *stride, const void *src, void *dst);

#endif

/* strided.c: dense copies of tensors that lie in memory with strides. */
#include "weights/containers/strided.h"

#include <string.h>

bool vit_strided_is_dense(const struct vit_tensor *tensor, const int64_t *stride)
{
    int64_t expected = 1;
    for (int i = tensor->n_dims - 1; i >= 0; i--) {
        if (tensor->shape[i] != 1 && stride[i] != expected)
            return false;
        expected *= tensor->shape[i];
    }
    return true;
}

int64_t vit_strided_span(const struct vit_tensor *tensor, const int64_t *stride)
{
    int64_t span = 1;
    if (vit_tensor_count(tensor) == 0)
        return 0;
    for (int i = 0; i < tensor->n_dims; i++) {
        int64_t step;
        if (stride[i] < 0 || __builtin_mul_overflow(tensor->shape[i] - 1, stride[i], &step) ||
            __builtin_add_overflow(span, step, &span))
            return -1;
    }
    return span;
}

/* One run of the innermost dimension; a constant size lets the compiler turn memcpy into moves. */
static void copy_run(char *dst, const char *src, int64_t n, int64_t stride, size_t size)
{
    for (int64_t i = 0; i < n; i++, dst += size, src += stride * (int64_t)size) {
        switch (size) {
        case 2: memcpy(dst, src, 2); break;
        case 4: memcpy(dst, src, 4); break;
        default: memcpy(dst, src, size); break;
        }
    }
}

void vit_strided_copy(const struct vit_tensor *tensor, const int64_t *stride, const void *src, void *dst)
{
    size_t size = vit_dtype_size(tensor->dtype);
    int64_t count = vit_tensor_count(tensor), index[VIT_MAX_DIMS] = {0}, at = 0;
    int last = tensor->n_dims - 1;
    int64_t run = last < 0 ? 1 : tensor->shape[last], run_stride = last < 0 ? 0 : stride[last];
    for (int64_t done = 0; done < count; done += run) {
        copy_run((char *)dst + done * (int64_t)size, (const char *)src + at * (int64_t)size, run, run_stride, size);
        for (int i = last - 1; i >= 0; i--) {
            at += stride[i];
            if (++index[i] < tensor->shape[i])
                break;
            at -= index[i] * stride[i];
            index[i] = 0;
        }
    }
}

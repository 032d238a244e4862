/* kernel.c: what all kernels have in common, and kernels in plain C. */
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "vit/operators/ops.h"

void vit_kernel_free(struct vit_kernel *kernel)
{
    if (kernel)
        kernel->free(kernel);
}

struct plain {
    struct vit_kernel base;
    alignas(max_align_t) char op[];
};

static void free_plain(struct vit_kernel *kernel)
{
    free(kernel);
}

vit_status vit_plain_create(struct vit_kernel **kernel, const char *implementation,
                            vit_status (*run)(struct vit_kernel *kernel, void *scratch, struct vit_error *err),
                            size_t scratch_size, const void *op, size_t op_size, struct vit_error *err)
{
    struct plain *plain = malloc(sizeof *plain + op_size);
    if (!plain)
        return vit_fail(err, VIT_ERR_MEMORY, "out of memory");
    plain->base = (struct vit_kernel){implementation, scratch_size, run, free_plain};
    memcpy(plain->op, op, op_size);
    *kernel = &plain->base;
    return VIT_OK;
}

const void *vit_plain_op(const struct vit_kernel *kernel)
{
    return ((const struct plain *)kernel)->op;
}

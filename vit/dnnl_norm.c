/* dnnl_norm.c: layer norm by oneDNN. */
#include "vit/dnnl_kernel.h"

static vit_status fill(struct vit_dnnl_kernel *k, const struct vit_norm_op *op, dnnl_memory_desc_t rows,
                       dnnl_memory_desc_t vector, dnnl_primitive_attr_t attr, struct vit_error *err)
{
    dnnl_primitive_desc_t pd;
    VIT_DNNL(dnnl_layer_normalization_forward_primitive_desc_create(&pd, k->engine, dnnl_forward_inference, rows, rows,
                                                                    NULL, op->eps, dnnl_use_scale | dnnl_use_shift,
                                                                    attr),
             "layer norm");
    VIT_TRY(vit_dnnl_kernel_add(k, pd, err));
    VIT_TRY(vit_dnnl_kernel_bind(k, DNNL_ARG_SRC, rows, op->src, err));
    VIT_TRY(vit_dnnl_kernel_bind(k, DNNL_ARG_DST, rows, op->dst, err));
    VIT_TRY(vit_dnnl_kernel_bind(k, DNNL_ARG_SCALE, vector, op->gain, err));
    return vit_dnnl_kernel_bind(k, DNNL_ARG_SHIFT, vector, op->shift, err);
}

vit_status vit_dnnl_norm(struct vit_kernel **kernel, void *context, const struct vit_norm_op *op, struct vit_error *err)
{
    struct vit_dnnl_kernel *k;
    VIT_TRY(vit_dnnl_kernel_create(&k, context, err));
    dnnl_memory_desc_t rows = NULL, vector = NULL;
    dnnl_primitive_attr_t attr = NULL;
    vit_status status = vit_dnnl_md_create(&rows, 2, (dnnl_dims_t){op->rows, op->width}, NULL, err);
    if (status == VIT_OK)
        status = vit_dnnl_md_create(&vector, 1, (dnnl_dims_t){op->width}, NULL, err);
    if (status == VIT_OK)
        status = vit_dnnl_attr_create(&attr, err);
    if (status == VIT_OK)
        status = fill(k, op, rows, vector, attr, err);
    dnnl_memory_desc_destroy(rows);
    dnnl_memory_desc_destroy(vector);
    dnnl_primitive_attr_destroy(attr);
    if (status == VIT_OK)
        *kernel = &k->base;
    else
        vit_kernel_free(&k->base);
    return status;
}

/* dnnl_norm.c: layer norm by oneDNN. */
#include "vit/onednn/kernel.h"

static vit_status fill(struct vit_dnnl_kernel *k, const struct vit_norm_op *op, dnnl_memory_desc_t src,
                       dnnl_memory_desc_t dst, dnnl_memory_desc_t vector, dnnl_primitive_attr_t attr, struct vit_error *err)
{
    dnnl_primitive_desc_t pd;
    VIT_DNNL(dnnl_layer_normalization_forward_primitive_desc_create(&pd, k->engine, dnnl_forward_inference, src, dst,
                                                                    NULL, op->eps, dnnl_use_scale | dnnl_use_shift,
                                                                    attr),
             "layer norm");
    VIT_TRY(vit_dnnl_kernel_add(k, pd, err));
    VIT_TRY(vit_dnnl_kernel_bind(k, DNNL_ARG_SRC, src, op->src.data, err));
    VIT_TRY(vit_dnnl_kernel_bind(k, DNNL_ARG_DST, dst, op->dst.data, err));
    VIT_TRY(vit_dnnl_kernel_bind(k, DNNL_ARG_SCALE, vector, op->gain, err));
    return vit_dnnl_kernel_bind(k, DNNL_ARG_SHIFT, vector, op->shift, err);
}

vit_status vit_dnnl_norm(struct vit_kernel **kernel, void *context, const struct vit_norm_op *op, struct vit_error *err)
{
    struct vit_dnnl_kernel *k;
    VIT_TRY(vit_dnnl_kernel_create(&k, context, err));
    dnnl_memory_desc_t src = NULL, dst = NULL, vector = NULL;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_dims_t rows = {op->rows, op->width};
    vit_status status = vit_dnnl_md_create(&src, op->src.type, 2, rows, NULL, err);
    if (status == VIT_OK)
        status = vit_dnnl_md_create(&dst, op->dst.type, 2, rows, NULL, err);
    if (status == VIT_OK)
        status = vit_dnnl_md_create(&vector, VIT_F32, 1, (dnnl_dims_t){op->width}, NULL, err);
    if (status == VIT_OK)
        status = vit_dnnl_attr_create(&attr, err);
    if (status == VIT_OK)
        status = fill(k, op, src, dst, vector, attr, err);
    dnnl_memory_desc_destroy(src);
    dnnl_memory_desc_destroy(dst);
    dnnl_memory_desc_destroy(vector);
    dnnl_primitive_attr_destroy(attr);
    if (status == VIT_OK)
        *kernel = &k->base;
    else
        vit_kernel_free(&k->base);
    return status;
}
